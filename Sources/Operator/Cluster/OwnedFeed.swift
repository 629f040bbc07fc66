import Faults
import Foundation
import JSONValues
import KubernetesAPI
import Logging
import Synchronization

/// Takes note of what happens to the objects that agents are made of, and has the agents looked at to whom it matters.
struct OwnedFeed: Sendable {
  let type: OwnedType
  let namespace: String
  let agents: AgentCache
  let owned: OwnedIndex
  let pods: PodCache
  let expansions: ExpansionCache
  let queue: WorkQueue<ObjectKey>

  func receive(_ change: ObjectChange) {
    switch change {
    case .replaced(let objects):
      var seen: [ObjectKey: Set<OwnedID>] = [:]
      for object in objects {
        guard let agent = owner(of: object) else { continue }
        seen[agent, default: []].insert(id(object))
        note(object, of: agent)
      }
      for agent in owned.replace(kind: type.kind, namespace: namespace, with: seen) {
        if type == .pods, seen[agent] == nil { pods.remove(of: agent) }
        queue.add(agent)
      }
    case .changed(let object):
      if let agent = owner(of: object) { note(object, of: agent) }
    case .deleted(let object):
      guard let agent = owner(of: object) else { return }
      // One of its name that came later has another uid.
      guard owned.entries(of: agent)[id(object)]?.uid == object.uid else { return }
      owned.remove(id(object), of: agent)
      if type == .pods { pods.remove(of: agent) }
      queue.add(agent)
    case .interrupted: break
    }
  }

  private func id(_ object: KubernetesObject) -> OwnedID { OwnedID(kind: type.kind, name: object.name) }

  private func owner(of object: KubernetesObject) -> ObjectKey? {
    let owner = object.ownerReferences.first { $0.kind == "Agent" && $0.controller == true }
    return owner.map { ObjectKey(namespace: object.namespace ?? namespace, name: $0.name) }
  }

  private func note(_ object: KubernetesObject, of agent: ObjectKey) {
    let wanted = agents[agent].flatMap { expansions.item(id(object), of: $0) }
    let isAsWanted = wanted.map { JSON.object(object.fields).says(.object($0.object.fields)) } ?? false
    owned.set(
      OwnedIndex.Entry(
        uid: object.uid ?? "", isBeingDeleted: object.isBeingDeleted, matched: isAsWanted ? wanted?.digest : nil),
      id(object), of: agent)
    if type == .pods {
      pods.set(object, of: agent)
      queue.add(agent)
    } else if !isAsWanted {
      queue.add(agent)
    }
  }
}

/// What the Agents that were looked at last become, so that their objects are compared without expanding them each time.
final class ExpansionCache: Sendable {
  private static let most = 512

  private struct Entry {
    var version: String
    var items: [OwnedID: Expansion.Item]
    var changesAt: Date?
  }

  private let expander: Expander
  private let entries = Mutex<[ObjectKey: Entry]>([:])

  init(_ expander: Expander) { self.expander = expander }

  /// - Returns: `nil` for an object that is not wanted, or of an Agent that cannot be carried out.
  func item(_ id: OwnedID, of agent: AgentObject) -> Expansion.Item? {
    // A status makes no other agent, but a generation alone is not enough: of another life it may be the same.
    let version = "\(agent.uid)/\(agent.generation)/\(agent.object.labels.hashValue)"
    if let known = entries.withLock({ $0[agent.key] }), known.version == version,
      known.changesAt.map({ $0 > .now }) ?? true
    {
      return known.items[id]
    }
    // Told as a condition where the Agent is reconciled.
    guard let expansion = try? expander.expand(agent, now: .now) else { return nil }
    let items = Dictionary((expansion.surroundings + [expansion.pod]).map { ($0.id, $0) }) { first, _ in first }
    entries.withLock { all in
      if all.count >= Self.most { all.removeAll(keepingCapacity: true) }
      all[agent.key] = Entry(version: version, items: items, changesAt: expansion.changesAt)
    }
    return items[id]
  }
}
