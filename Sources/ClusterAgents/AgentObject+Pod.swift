import Documents
import JSONValues
import KubernetesAPI

extension AgentObject {
  /// Of each agent's Pod; of nothing else.
  private static let podLabel = "lobstack.dev/agent"
  private static let runtimeClass = "gvisor"

  /// Whether a Pod is this Agent's sandbox: made by the operator, or by agent-sandbox for it.
  package func owns(_ pod: KubernetesObject) -> Bool {
    guard pod.labels[Self.podLabel] == "true", pod["spec", "runtimeClassName"]?.string == Self.runtimeClass,
      let controller = pod.ownerReferences.first(where: { $0.controller == true }), !uid.isEmpty
    else { return false }
    switch controller.kind {
    case "Agent": return controller.uid == uid
    case "Sandbox": return pod.annotations[agentUIDAnnotation] == uid
    default: return false
    }
  }
}
