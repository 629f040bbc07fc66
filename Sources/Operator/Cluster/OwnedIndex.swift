import ClusterAgents
import KubernetesAPI
import Synchronization

/// What is known of the objects that agents are made of, by agent: enough to see what is missing, changed or left over,
/// without the objects themselves, of which a cluster may have a hundred thousand. Of Pods and gateways there is more.
///
/// Events are the truth. What a request of our own was answered is taken up only when no event came meanwhile, because it
/// may be older than that.
final class OwnedIndex: Sendable {
  struct Entry: Hashable, Sendable {
    var uid: String
    var isBeingDeleted: Bool
    /// Hash, within this process, of what was wanted when the object was seen to be so; `nil` when it was not.
    var matched: Int?
    /// A Pod, or a Sandbox that makes one, without its specification: that is most of it, and is compared before.
    var runner: KubernetesObject?
    /// What the Deployment of the gateway tells of it.
    var gateway: GatewayStanding?

    init(_ object: KubernetesObject, _ type: OwnedType, matched: Int?) {
      uid = object.uid ?? ""
      isBeingDeleted = object.isBeingDeleted
      self.matched = matched
      if OwnedType.runners.contains(type) {
        var bare = object
        bare.fields["spec"] = nil
        runner = bare
      }
      if type == .deployments { gateway = GatewayStanding(object) }
    }
  }

  private struct State {
    var entries: [ObjectKey: [OwnedID: Entry]] = [:]
    /// Counts the events that there were of an agent's objects.
    var events: [ObjectKey: Int] = [:]
  }

  private let state = Mutex(State())

  func entries(of agent: ObjectKey) -> [OwnedID: Entry] { state.withLock { $0.entries[agent] ?? [:] } }

  /// The Pod of an agent, whoever made it.
  func pod(of agent: ObjectKey) -> KubernetesObject? { runner(.pods, of: agent) }

  func runner(_ type: OwnedType, of agent: ObjectKey) -> KubernetesObject? {
    entries(of: agent).first { $0.key.kind == type.kind && $0.value.runner != nil }?.value.runner
  }

  func gateway(of agent: ObjectKey) -> GatewayStanding {
    entries(of: agent).values.lazy.compactMap(\.gateway).first ?? .missing
  }

  func events(of agent: ObjectKey) -> Int { state.withLock { $0.events[agent] ?? 0 } }

  /// Takes note of an event.
  ///
  /// - Returns: what was known before.
  @discardableResult
  func set(_ entry: Entry, _ id: OwnedID, of agent: ObjectKey) -> Entry? {
    state.withLock { state in
      state.events[agent, default: 0] += 1
      return state.entries[agent, default: [:]].updateValue(entry, forKey: id)
    }
  }

  /// Takes up an answer, unless there were events since.
  func answer(_ entry: Entry, _ id: OwnedID, of agent: ObjectKey, since events: Int) {
    state.withLock { state in
      guard state.events[agent] ?? 0 == events else { return }
      state.entries[agent, default: [:]][id] = entry
    }
  }

  /// - Parameter uid: only this very object, not one of its name that came later; `nil` for whatever there is.
  func remove(_ id: OwnedID, uid: String? = nil, of agent: ObjectKey) {
    state.withLock { state in
      state.events[agent, default: 0] += 1
      guard let known = state.entries[agent]?[id], uid == nil || known.uid == uid else { return }
      state.entries[agent]?[id] = nil
    }
  }

  /// Takes note of all objects of a type in a namespace; those that were there before and are not among them are gone.
  ///
  /// - Returns: the agents that lost something.
  func keep(_ objects: [ObjectKey: Set<OwnedID>], kind: String, namespace: String) -> Set<ObjectKey> {
    state.withLock { state in
      var losers: Set<ObjectKey> = []
      for (agent, owned) in state.entries where agent.namespace == namespace {
        let gone = owned.keys.filter { $0.kind == kind && objects[agent]?.contains($0) != true }
        guard !gone.isEmpty else { continue }
        losers.insert(agent)
        state.events[agent, default: 0] += 1
        for id in gone { state.entries[agent]?[id] = nil }
      }
      return losers
    }
  }

  /// Lets go of an Agent that is gone, with its objects: the cluster collects what is left.
  func forget(_ agent: ObjectKey) {
    state.withLock { state in
      state.entries[agent] = nil
      state.events[agent] = nil
    }
  }

  var count: Int { state.withLock { $0.entries.values.reduce(0) { $0 + $1.count } } }
}
