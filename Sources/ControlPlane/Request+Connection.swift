import Hummingbird

extension Request {
  /// Runs work for a request that has no body, and cancels it when the client is gone.
  ///
  /// Hummingbird traps when such work ends before the end of the request was read, so it begins after that.
  func whileConnected<Value: Sendable>(_ work: @Sendable () async throws -> Value) async throws -> Value {
    try await body.consumeWithCancellationOnInboundClose { body in
      for try await _ in body {}
      return try await work()
    }
  }
}
