import APIModel
import AgentModel
import Storage

/// By what it is known whose the sandbox of an alert was: what a report says of it is nobody's word.
enum AlertOwners: Sendable {
  /// Sandboxes of this machine have the instance's name and the agent's id.
  case instance(String)
  /// Sandboxes of a cluster are called by the ids of Pods, and a sentinel is believed about Pods of its own node.
  case pods(PodOwners)

  /// The alerts with the agents that they are of; others are of none.
  func named(_ items: [AlertResource], store: Store) async throws -> [AlertResource] {
    switch self {
    case .instance(let instance):
      let prefix = "\(instance)."
      let uids = items.map { item -> AgentUID? in
        item.container.hasPrefix(prefix) ? AgentUID(String(item.container.dropFirst(prefix.count))) : nil
      }
      let owners = try await store.agentIDs(of: Set(uids.compactMap { $0 }))
      return zip(items, uids).map { item, uid in item.of(uid.flatMap { owners[$0] }) }
    case .pods(let pods):
      return items.map { $0.of(pods.agent(ofPod: $0.container, on: $0.hostname)) }
    }
  }

  /// Whether what became of an alert may be told by whoever reports it once more.
  func mayUpdate(_ known: AlertResource, by later: AlertResource) -> Bool {
    switch self {
    case .instance: true
    case .pods: known.hostname == later.hostname
    }
  }
}

extension AlertResource {
  fileprivate func of(_ agent: AgentID?) -> AlertResource {
    var alert = self
    alert.agent = agent
    return alert
  }
}
