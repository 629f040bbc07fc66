import ClusterAgents
import Faults
import JSONValues
import KubernetesAPI
import KubernetesRendering

/// Takes note of what happens to the objects that agents are made of, and has the agents looked at to whom it matters.
struct OwnedFeed: Sendable {
  let type: OwnedType
  let namespace: String
  let agents: AgentCache
  let owned: OwnedIndex
  let expansions: ExpansionCache
  let queue: WorkQueue<ObjectKey>

  func receive(_ change: ObjectChange) async {
    switch change {
    case .replaced(let objects):
      var seen: [ObjectKey: Set<OwnedID>] = [:]
      for object in objects {
        if let agent = owner(of: object) { seen[agent, default: []].insert(id(object)) }
      }
      await take(objects)
      for agent in owned.keep(seen, kind: type.kind, namespace: namespace) { queue.add(agent) }
    case .changed(let object):
      if let agent = owner(of: object) { note(object, of: agent, isNews: true) }
    case .deleted(let object):
      guard let agent = owner(of: object) else { return }
      owned.remove(id(object), uid: object.uid, of: agent)
      queue.add(agent, isUrgent: true)
    case .interrupted, .current: break
    }
  }

  /// Takes note of a list, or of a part of it.
  func take(_ objects: [KubernetesObject]) async {
    for (number, object) in objects.enumerated() {
      // A list may be of thousands, and the lease has to be renewed beside it.
      if number % 64 == 63 { await Task.yield() }
      if let agent = owner(of: object) { note(object, of: agent, isNews: false) }
    }
  }

  private func id(_ object: KubernetesObject) -> OwnedID { OwnedID(kind: type.kind, name: object.name) }

  /// The Agent that owns it, or, when somebody took its owner away, the one whose name it has.
  private func owner(of object: KubernetesObject) -> ObjectKey? {
    let owner = object.ownerReferences.first { $0.kind == "Agent" && $0.controller == true }
    guard let name = owner?.name ?? object.labels[AgentLabel.name] else { return nil }
    return ObjectKey(namespace: object.namespace ?? namespace, name: name)
  }

  /// - Parameter isNews: whether it has just changed; what is not as wanted then was changed by somebody, and is mended
  ///   before all that is to be made.
  private func note(_ object: KubernetesObject, of agent: ObjectKey, isNews: Bool) {
    let wanted = agents[agent].flatMap { expansions.item(id(object), of: $0) }
    let isAsWanted = wanted.map { $0.isSaid(by: object) } ?? false
    let entry = OwnedIndex.Entry(object, type, matched: isAsWanted ? wanted?.digest : nil)
    let before = owned.set(entry, id(object), of: agent)
    // A Deployment tells much of itself that changes nothing here.
    if !isAsWanted, isNews, before?.matched != nil {
      queue.add(agent, isUrgent: true)
    } else if OwnedType.runners.contains(type) || !isAsWanted || entry.gateway != before?.gateway {
      queue.add(agent)
    }
  }
}
