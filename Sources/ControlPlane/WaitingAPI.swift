import Faults
import Hummingbird
import Logging
import Synchronization

/// Tries until it succeeds; from the first failure on, the API's socket answers every request with the reason, but for
/// those that ask whether the process lives.
func waiting<Value: Sendable>(
  socket: String, logger: Logger, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let reason = Reason()
  do { return try await body() } catch let error as CancellationError { throw error } catch {
    reason.set(error)
    logger.warning("The control plane waits", metadata: ["reason": "\(error)"])
  }
  return try await withThrowingTaskGroup(of: Value?.self) { group in
    group.addTask {
      try await serve(reason, socket: socket, logger: logger)
      return nil
    }
    group.addTask {
      while true {
        try await Task.sleep(for: .milliseconds(250))
        do { return try await body() } catch let error as CancellationError { throw error } catch { reason.set(error) }
      }
    }
    defer { group.cancelAll() }
    while let result = try await group.next() {
      if let result { return result }
    }
    throw CancellationError()
  }
}

private final class Reason: Sendable {
  private let fault = Mutex<Fault?>(nil)

  func set(_ error: any Error) {
    let fault = Fault.wrap(error, operation: "start the control plane", remedy: "see its log")
    self.fault.withLock { $0 = fault }
  }

  /// Always `unavailable`: the caller did nothing wrong.
  var told: Fault {
    let fault = fault.withLock { $0 }
    return Fault(
      .unavailable, operation: "answer the request",
      reason: "the control plane waits for the secrets manager: \(fault?.reason ?? "it does not answer")",
      remedy: fault?.remedy ?? "see 'lobstack vault status'")
  }
}

private func serve(_ reason: Reason, socket: String, logger: Logger) async throws {
  let responder = CallbackResponder<BasicRequestContext> { request, _ in
    guard ["/healthz", "/livez"].contains(request.uri.path) else { return problemResponse(reason.told) }
    return try jsonResponse(["status": "ok"])
  }
  let application = Application(
    responder: responder, configuration: ApplicationConfiguration(address: .unixDomainSocket(path: socket)),
    onServerRunning: { _ in allowAll(socket) }, logger: logger)
  try await application.runService(gracefulShutdownSignals: [])
}
