import Synchronization

/// Lists that have to be there before anything is done.
final class FirstLists: Sendable {
  fileprivate struct State {
    var missing: Set<String> = []
    var waiting: CheckedContinuation<Void, Never>?
  }

  private let state = Mutex(State())

  func expect(_ place: String) { state.withLock { _ = $0.missing.insert(place) } }

  func arrived(_ place: String) {
    let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
      state.missing.remove(place)
      return state.missing.isEmpty ? state.takeWaiting() : nil
    }
    waiting?.resume()
  }

  /// Returns when all have arrived, or when the calling task is cancelled. One may wait at a time.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let isOver = state.withLock { state in
          guard !state.missing.isEmpty, !Task.isCancelled else { return true }
          state.waiting = continuation
          return false
        }
        if isOver { continuation.resume() }
      }
    } onCancel: {
      state.withLock { $0.takeWaiting() }?.resume()
    }
  }
}

extension FirstLists.State {
  fileprivate mutating func takeWaiting() -> CheckedContinuation<Void, Never>? {
    defer { waiting = nil }
    return waiting
  }
}
