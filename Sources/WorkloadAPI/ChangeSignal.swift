import Synchronization

/// Tells many waiting streams that something changed; what it is they look up themselves.
final class ChangeSignal: Sendable {
  private let state = Mutex(State())

  private struct State {
    var waiting: [UInt64: AsyncStream<Void>.Continuation] = [:]
    var next: UInt64 = 0
  }

  func raise() {
    for continuation in state.withLock({ Array($0.waiting.values) }) { continuation.yield() }
  }

  /// An element now, and one after each change; changes that come faster than the reader are one.
  func changes() -> AsyncStream<Void> {
    AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
      let number = state.withLock { state in
        state.next += 1
        state.waiting[state.next] = continuation
        return state.next
      }
      continuation.onTermination = { [weak self] _ in
        _ = self?.state.withLock { $0.waiting.removeValue(forKey: number) }
      }
      continuation.yield()
    }
  }
}
