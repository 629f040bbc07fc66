import NodeProtocol
import Synchronization

/// What is known of the agents' Pods on this node: as the API server tells of them, and which of them tell what they do.
final class PodTable: Sendable {
  /// Pods that are gone and of which alerts may still come.
  fileprivate static let mostGone = 1_000

  fileprivate struct State {
    var pods: [String: WatchedPod] = [:]
    var gone: [WatchedPod] = []
    /// Whether all Pods were told of once.
    var isKnown = false
    var sessions: [String: TraceSession] = [:]
    var rules = 0
    /// Since when a Pod runs without telling anything.
    var silent: [String: ContinuousClock.Instant] = [:]
    /// Events that gVisor lost, of sessions that have ended.
    var dropped: UInt64 = 0
  }

  private let state = Mutex(State())

  /// Takes all Pods there are now.
  func replace(_ pods: [WatchedPod]) {
    state.withLock { state in
      let fresh = Dictionary(pods.map { ($0.uid, $0) }) { first, _ in first }
      for pod in state.pods.values where fresh[pod.uid] == nil { state.remember(pod) }
      state.pods = fresh
      state.isKnown = true
    }
  }

  func set(_ pod: WatchedPod) { state.withLock { $0.pods[pod.uid] = pod } }

  func remove(_ uid: String) {
    state.withLock { state in
      if let pod = state.pods.removeValue(forKey: uid) { state.remember(pod) }
    }
  }

  func set(_ sessions: [TraceSession], rules: Int) {
    state.withLock { state in
      let fresh = Dictionary(sessions.map { ($0.container, $0) }) { first, _ in first }
      for (key, old) in state.sessions where fresh[key]?.connection != old.connection { state.dropped += old.dropped }
      state.sessions = fresh
      state.rules = rules
    }
  }

  var pods: [WatchedPod] { state.withLock { Array($0.pods.values) } }

  /// Also one that is gone, for a while.
  func pod(_ uid: String) -> WatchedPod? {
    state.withLock { state in state.pods[uid] ?? state.gone.last { $0.uid == uid } }
  }

  /// Whether neither the API server nor gVisor says that its programs run.
  func isOver(_ uid: String) -> Bool { state.withLock { $0.pods[uid] == nil || $0.sessions[uid] == nil } }

  /// Whether alerts come of what happens.
  var isReady: Bool { state.withLock { $0.isKnown && $0.rules > 0 } }

  var counts: (pods: Int, sandboxes: Int, rules: Int, dropped: UInt64) {
    state.withLock { state in
      (
        state.pods.count, state.sessions.count, state.rules,
        state.sessions.values.reduce(state.dropped) { $0 + $1.dropped }
      )
    }
  }

  /// The Pods that have run for longer than that without telling anything.
  func unwatched(for grace: Duration, now: ContinuousClock.Instant) -> [WatchedPod] {
    state.withLock { state in
      let silent = state.pods.values.filter { $0.isRunning && state.sessions[$0.uid] == nil }
      let uids = Set(silent.map(\.uid))
      state.silent = state.silent.filter { uids.contains($0.key) }
      for uid in uids where state.silent[uid] == nil { state.silent[uid] = now }
      return silent.filter { pod in state.silent[pod.uid].map { $0.duration(to: now) >= grace } ?? false }
        .sorted { $0.uid < $1.uid }
    }
  }
}

extension PodTable.State {
  fileprivate mutating func remember(_ pod: WatchedPod) {
    gone.append(pod)
    if gone.count > PodTable.mostGone { gone.removeFirst() }
  }
}
