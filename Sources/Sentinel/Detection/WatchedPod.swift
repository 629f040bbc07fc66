import AgentModel
import NodeProtocol

/// An agent's Pod on this node, as the API server tells of it.
struct WatchedPod: Hashable, Sendable {
  /// Whose Pod it is, by its owner; `nil` for one that was made by hand.
  struct Owner: Hashable, Sendable {
    var name: String
    var uid: String
  }

  /// Names the Pod for good, here and in alerts.
  var uid: String
  var namespace: String
  var name: String
  var agent: AgentID
  var owner: Owner?
  /// Ids of its containers, those that ended too.
  var containers: Set<String>
  /// Those of them that are the platform's own and not the agent's.
  var platformContainers: Set<String> = []
  /// Whether one of them runs.
  var isRunning: Bool
  var tier: String
  var image: String
  var response: AgentResponse
  var address: String

  /// As the detection knows sandboxes.
  var sandbox: WatchedSandbox? {
    // What it is called on one machine; a Pod has a uid of its own form.
    let digits = uid.lowercased().filter { $0.isHexDigit }.prefix(16)
    return AgentUID(String(digits)).map {
      WatchedSandbox(
        container: uid, agent: agent, uid: $0, tier: tier, image: image, response: response, address: address,
        interface: "")
    }
  }
}
