import AgentModel
import JSONValues
import KubernetesAPI

/// What an agent's Pod tells of the agent.
struct PodStanding: Hashable, Sendable {
  var phase: AgentPhase
  var isReady: Bool
  var reason: String
  var message: String
  /// Whether it has ended for good, and another has to take its place.
  var isToBeReplaced: Bool

  init(_ pod: KubernetesObject, restartPolicy: AgentSpec.RestartPolicy) {
    let podPhase = pod["status", "phase"]?.string ?? "Pending"
    let conditions = pod["status", "conditions"]?.array ?? []
    let container = pod["status", "containerStatuses"]?.array?.first
    let waiting = container?["state"]?["waiting"]
    let scheduled = conditions.first { $0["type"]?.string == "PodScheduled" }
    isReady = conditions.contains { $0["type"]?.string == "Ready" && $0["status"]?.string == "True" }
    isToBeReplaced = false
    reason = pod["status", "reason"]?.string ?? podPhase
    message = pod["status", "message"]?.string ?? ""
    switch podPhase {
    case "Running":
      phase = isReady ? .running : .starting
      if let waiting {
        reason = waiting["reason"]?.string ?? reason
        message = waiting["message"]?.string ?? message
        if reason == "CrashLoopBackOff" { phase = .failed }
      }
    case "Succeeded":
      phase = .stopped
      // A Pod that ended of itself ends so only by its policy; one that is to run always was ended by the node.
      isToBeReplaced = restartPolicy == .always
    case "Failed":
      phase = .failed
      // Evicted, or its node is gone: the kubelet would have started its container again.
      isToBeReplaced = restartPolicy != .never
    default:
      phase = .starting
      if let waiting {
        reason = waiting["reason"]?.string ?? reason
        message = waiting["message"]?.string ?? message
        if ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"].contains(reason) {
          phase = .failed
        }
      } else if let scheduled, scheduled["status"]?.string == "False" {
        reason = scheduled["reason"]?.string ?? "Unschedulable"
        message = scheduled["message"]?.string ?? ""
      }
    }
    if message.isEmpty { message = "the Pod is \(podPhase)" }
  }
}
