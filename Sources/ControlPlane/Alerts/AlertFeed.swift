import Synchronization

/// Tells followers that there are alerts which they have not seen. They read them from the store, so that one who is
/// slow loses none.
final class AlertFeed: Sendable {
  private struct State {
    var followers: [Int: ChangeSignal] = [:]
    var next = 0
  }

  private let state = Mutex(State())

  /// Something was stored or changed.
  func tell() { for signal in state.withLock({ Array($0.followers.values) }) { signal.raise() } }

  /// Runs `body` with a signal that is raised by everything that is told meanwhile.
  func whileFollowing(_ body: (ChangeSignal) async throws -> Void) async rethrows {
    let signal = ChangeSignal()
    let key = state.withLock { state in
      state.next += 1
      state.followers[state.next] = signal
      return state.next
    }
    defer { state.withLock { _ = $0.followers.removeValue(forKey: key) } }
    try await body(signal)
  }
}
