import Synchronization

/// Which lists of the cluster's objects were there, and which may be out of date.
final class KnownLists: Sendable {
  struct List: Hashable, Sendable {
    var kind: NameDirectory.Kind
    var namespace: String
  }

  private struct State {
    var awaited: Set<List>
    var stale: Set<List> = []
  }

  private let state: Mutex<State>
  private let ready = AsyncStream.makeStream(of: Void.self)

  init(_ lists: [List]) {
    state = Mutex(State(awaited: Set(lists)))
    if lists.isEmpty { ready.continuation.finish() }
  }

  var areThere: Bool { state.withLock { $0.awaited.isEmpty } }
  var staleCount: Int { state.withLock { $0.stale.count } }

  func arrived(_ list: List) {
    let areThere = state.withLock { state in
      state.awaited.remove(list)
      state.stale.remove(list)
      return state.awaited.isEmpty
    }
    if areThere { ready.continuation.finish() }
  }

  /// What is known of it may be out of date.
  ///
  /// - Parameter isRefused: whether we may not have it. It is not waited for then: a namespace that is gone took the right
  ///   with it, and must not keep all other agents without names.
  /// - Returns: whether it was not so before.
  func interrupted(_ list: List, isRefused: Bool) -> Bool {
    let (isNew, areThere) = state.withLock { state in
      if isRefused { state.awaited.remove(list) }
      return (state.stale.insert(list).inserted, state.awaited.isEmpty)
    }
    if areThere { ready.continuation.finish() }
    return isNew
  }

  /// Returns when all are there, or when the calling task is cancelled. One may wait.
  func wait() async {
    for await _ in ready.stream {}
  }
}
