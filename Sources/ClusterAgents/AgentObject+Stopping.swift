import KubernetesAPI

/// Whether an Agent is wished to run.
extension AgentObject {
  /// Set to "true": its Pod is ended, and none made, until it is taken away.
  package static let stopAnnotation = "lobstack.dev/stopped"

  /// The reason of the condition `Ready` of one that is not wished to run.
  package static let stoppedReason = "Stopped"

  package var isStopped: Bool { object.annotations[Self.stopAnnotation] == "true" }
}
