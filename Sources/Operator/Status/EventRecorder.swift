import ClusterAgents
import Faults
import KubernetesAPI
import Logging

/// Tells of what happened to an Agent as an Event beside it, as far as that can be told.
struct EventRecorder: Sendable {
  let client: KubernetesClient
  let identity: String
  let logger: Logger

  func tell(_ agent: AgentObject, _ reason: String, _ note: String, isWarning: Bool = false) async {
    let event = ObjectEvent(
      regarding: agent.object, controller: "lobstack.dev/operator", instance: identity, action: "Reconcile",
      reason: reason, note: note, isWarning: isWarning)
    do { try await client.create(event.object, of: ObjectEvent.type) } catch {
      logger.debug("An event could not be told", metadata: ["agent": "\(agent.key)", "error": "\(error)"])
    }
  }
}
