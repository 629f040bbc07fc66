/// Runs `body`, and ends it by cancellation when the time is up.
///
/// - Parameter failure: what is thrown then.
/// - Throws: it, or what `body` throws.
package func withDeadline<Value: Sendable>(
  _ limit: Duration, orThrow failure: @autoclosure @escaping @Sendable () -> any Error,
  _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body() }
    group.addTask {
      try await Task.sleep(for: limit)
      throw failure()
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw CancellationError() }
    return value
  }
}
