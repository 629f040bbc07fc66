import AgentModel
import ClusterAgents
import JSONValues
import KubernetesAPI
import KubernetesRendering

/// What is known of an agent's Pod: from which addresses it asks.
struct KnownPod: Hashable, Sendable {
  let uid: String
  let agent: ObjectKey
  /// Of the Agent that controls it; `nil` when another object does, or none.
  let owner: String?
  /// None before it has one, and of a Pod that has ended: its address is another's soon.
  let addresses: Set<IPv4Address>
  let isLeaving: Bool

  /// - Returns: `nil` for a Pod that says not whose it is.
  init?(_ pod: KubernetesObject) {
    guard let name = pod.labels[AgentLabel.name], let namespace = pod.namespace else { return nil }
    uid = pod.uid ?? ""
    agent = ObjectKey(namespace: namespace, name: name)
    owner = pod.ownerReferences.first { $0.controller == true && $0.kind == "Agent" }?.uid
    isLeaving = pod.isBeingDeleted
    let hasEnded = ["Succeeded", "Failed"].contains(pod["status", "phase"]?.string)
    // The address of one in the node's network is everybody's on that node.
    let isOfNode = pod["spec", "hostNetwork"]?.bool == true
    guard !hasEnded, !isOfNode else {
      addresses = []
      return
    }
    let all =
      (pod["status", "podIPs"]?.array ?? []).compactMap { $0["ip"]?.string }
      + [pod["status", "podIP"]?.string]
      .compactMap(\.self)
    addresses = Set(all.compactMap(IPv4Address.init))
  }
}
