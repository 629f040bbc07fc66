import KubernetesAPI
import Synchronization

/// What is known of the objects that agents are made of, by agent: enough to see what is missing, changed or left over,
/// without the objects themselves, of which a cluster may have a hundred thousand.
final class OwnedIndex: Sendable {
  struct Entry: Hashable, Sendable {
    var uid: String
    var isBeingDeleted: Bool
    /// Hash, within this process, of what was wanted when the object was seen to be so; `nil` when it was not.
    var matched: Int?
  }

  private let entries = Mutex<[ObjectKey: [OwnedID: Entry]]>([:])

  func entries(of agent: ObjectKey) -> [OwnedID: Entry] { entries.withLock { $0[agent] ?? [:] } }

  func set(_ entry: Entry, _ id: OwnedID, of agent: ObjectKey) {
    entries.withLock { $0[agent, default: [:]][id] = entry }
  }

  func remove(_ id: OwnedID, of agent: ObjectKey) {
    entries.withLock { all in
      all[agent]?[id] = nil
      if all[agent]?.isEmpty == true { all[agent] = nil }
    }
  }

  /// Takes note of all objects of a type in a namespace; those that were there before and are not among them are gone.
  ///
  /// - Returns: the agents that lost something.
  func replace(kind: String, namespace: String, with objects: [ObjectKey: Set<OwnedID>]) -> Set<ObjectKey> {
    entries.withLock { all in
      var losers: Set<ObjectKey> = []
      for (agent, owned) in all where agent.namespace == namespace {
        let gone = owned.keys.filter { $0.kind == kind && objects[agent]?.contains($0) != true }
        guard !gone.isEmpty else { continue }
        losers.insert(agent)
        for id in gone { all[agent]?[id] = nil }
        if all[agent]?.isEmpty == true { all[agent] = nil }
      }
      return losers
    }
  }

  var count: Int { entries.withLock { $0.values.reduce(0) { $0 + $1.count } } }
}
