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
    let isolation = pod["status", "initContainerStatuses"]?.array?.first {
      $0["state"]?["terminated"]?["exitCode"]?.int != 0
    }
    let container = pod["status", "containerStatuses"]?.array?.first
    let waiting = (isolation ?? container)?["state"]?["waiting"]
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
        if reason == "CrashLoopBackOff" {
          phase = .failed
          if let end = container.flatMap({ Ending($0["lastState"]) }) { message = "\(end.message); \(message)" }
        }
      } else if !isReady, let end = container.flatMap({ Ending($0["state"]) }) {
        // The kubelet starts it again in its time.
        phase = .failed
        (reason, message) = (end.reason, end.message)
      }
    case "Succeeded":
      phase = .stopped
      // A Pod that ended of itself ends so only by its policy; one that is to run always was ended by the node.
      isToBeReplaced = restartPolicy == .always
    case "Failed":
      phase = .failed
      let isUnprotected = isolation?["state"]?["terminated"] != nil
      if isUnprotected {
        (reason, message) = Self.notIsolated
      } else if message.isEmpty, let end = container.flatMap({ Ending($0["state"]) }) {
        (reason, message) = (end.reason, end.message)
      }
      // Evicted, or its node is gone: the kubelet would have started its container again.
      // Of one whose policies did not come in time nothing has run.
      isToBeReplaced = restartPolicy != .never || isUnprotected
    default:
      phase = .starting
      if let state = isolation?["state"], state["running"] != nil {
        (reason, message) = ("Isolating", "waits until its NetworkPolicies are in force")
      } else if let state = isolation?["state"],
        state["terminated"] != nil || state["waiting"]?["reason"]?.string == "CrashLoopBackOff"
      {
        phase = .failed
        (reason, message) = Self.notIsolated
      } else if let waiting {
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
    if pod.isBeingDeleted {
      // Its program may go on for its grace period, and its conditions with it; how it ends is no failure.
      (phase, isReady) = (.starting, false)
      (reason, message) = ("Terminating", "its Pod is being ended, and another takes its place")
    }
  }

  private static let notIsolated = (
    "NotIsolated",
    "its NetworkPolicies are not in force, so it does not start: the cluster's network enforces none for this Pod; read the "
      + "log of its container 'isolation'"
  )
}

/// How the agent's program ended, of a container's state.
private struct Ending {
  /// The kubelet's word.
  let reason: String
  let message: String

  init?(_ state: JSON?) {
    guard let ended = state?["terminated"] else { return nil }
    let code = ended["exitCode"]?.int ?? 0
    reason = ended["reason"]?.string ?? "Error"
    if reason == "OOMKilled" {
      message = "the program went over its memory limit and was killed by the kernel (out of memory)"
    } else {
      message =
        code > 128 ? "the program was ended by signal \(code - 128)" : "the program ended with exit code \(code)"
    }
  }
}
