import UnixSignals

/// Runs `body`; at SIGTERM or SIGINT cancels it, and waits until it has cleaned up.
///
/// - Parameter onSignal: called at each signal.
/// - Throws: `CancellationError` when it was interrupted.
package func untilInterrupted<Value: Sendable>(
  onSignal: @escaping @Sendable () -> Void = {}, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
  let work = Task { try await body() }
  let watch = Task {
    for await _ in signals {
      onSignal()
      work.cancel()
    }
  }
  defer { watch.cancel() }
  return try await work.value
}

/// Runs to its end what cleans up after work that was cancelled.
func shielded<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
  // A task of its own, awaited here: it does not know that its caller was cancelled.
  try await Task { try await body() }.value
}
