import JSONValues
import KubernetesAPI

/// What the Deployment of an agent's gateway tells of it.
struct GatewayStanding: Hashable, Sendable {
  var isReady: Bool
  /// Whether its Pod is refused, as by a quota, or has not become ready in the time that it has.
  var isFailed = false
  var reason: String
  var message: String

  /// Of a Deployment that is not there yet.
  static let missing = GatewayStanding(
    isReady: false, reason: "Pending", message: "the Deployment of its gateway is about to be made")

  init(isReady: Bool, reason: String, message: String) {
    self.isReady = isReady
    self.reason = reason
    self.message = message
  }

  init(_ deployment: KubernetesObject) {
    let status = deployment["status"]
    func count(_ name: String) -> Int { status?[name]?.int ?? 0 }
    // What it tells of an older specification is of Pods that go.
    let isOfNow = count("observedGeneration") >= deployment.generation ?? 0
    isReady = isOfNow && count("updatedReplicas") > 0 && count("availableReplicas") > 0
    let conditions = status?["conditions"]?.array ?? []
    let failure = conditions.first {
      switch ($0["type"]?.string, $0["status"]?.string) {
      case ("ReplicaFailure", "True"), ("Progressing", "False"): true
      default: false
      }
    }
    if isReady {
      (reason, message) = ("Ready", "the gateway's Pod is ready")
    } else if isOfNow, let failure {
      isFailed = true
      reason = failure["reason"]?.string ?? "Failed"
      message = failure["message"]?.string ?? "the gateway's Pod is not there"
    } else {
      (reason, message) = ("Pending", "the gateway's Pod is not ready yet")
    }
  }
}
