import Synchronization

/// When something was heard last.
final class Hearing: Sendable {
  /// `nil` while what was heard is worked on.
  private let last = Mutex<ContinuousClock.Instant?>(.now)

  fileprivate var silence: Duration { last.withLock { $0.map { $0.duration(to: .now) } ?? .zero } }

  /// Something was heard: from here on silence is not the other side's.
  func pause() { last.withLock { $0 = nil } }

  /// More is waited for.
  func resume() { last.withLock { $0 = .now } }
}

/// Runs `body`, and ends it by cancellation when it has waited for longer than that without hearing anything.
///
/// - Parameter failure: what is thrown then.
/// - Throws: it, or what `body` throws.
func withSilenceLimit<Value: Sendable>(
  _ limit: Duration, orThrow failure: @autoclosure @escaping @Sendable () -> any Error,
  _ body: @escaping @Sendable (Hearing) async throws -> Value
) async throws -> Value {
  let heard = Hearing()
  return try await withThrowingTaskGroup(of: Value.self) { group in
    group.addTask { try await body(heard) }
    group.addTask {
      while true {
        let silence = heard.silence
        guard silence < limit else { throw failure() }
        // What is heard meanwhile puts the end off.
        try await Task.sleep(for: max(limit - silence, .milliseconds(1)))
      }
    }
    defer { group.cancelAll() }
    guard let value = try await group.next() else { throw CancellationError() }
    return value
  }
}
