import Synchronization

/// A list that has to be there before anything is done.
final class FirstList: Sendable {
  private struct State {
    var isThere = false
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  func arrived() { end { $0.isThere = true } }

  /// Returns when it has arrived, or when the calling task is cancelled. One may wait.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard !state.isThere, !Task.isCancelled else { return true }
          state.waiting = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      end { _ in }
    }
  }

  private func end(_ body: (inout State) -> Void) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      body(&state)
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume()
  }
}
