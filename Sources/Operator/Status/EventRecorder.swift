import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import Logging

/// Tells of what happened to an Agent as an Event beside it (`events.k8s.io/v1`), as far as that can be told.
struct EventRecorder: Sendable {
  private static let type = ResourceType(group: "events.k8s.io", version: "v1", plural: "events")

  let client: KubernetesClient
  let identity: String
  let logger: Logger

  func tell(_ agent: AgentObject, _ reason: String, _ note: String, isWarning: Bool = false) async {
    let event = KubernetesObject(fields: [
      "apiVersion": "events.k8s.io/v1", "kind": "Event",
      "metadata": [
        "name": "\(agent.key.name.prefix(200)).\(String(UInt64.random(in: .min ... .max), radix: 16))",
        "namespace": .string(agent.key.namespace),
      ],
      "eventTime": .string(MicroTime.text(.now)), "reportingController": "lobstack.dev/operator",
      "reportingInstance": .string(String(identity.prefix(128))), "action": "Reconcile", "reason": .string(reason),
      "regarding": [
        "apiVersion": .string(agent.object.apiVersion), "kind": .string(agent.object.kind),
        "name": .string(agent.key.name), "namespace": .string(agent.key.namespace), "uid": .string(agent.uid),
      ], "note": .string(String(note.prefix(1000))), "type": isWarning ? "Warning" : "Normal",
    ])
    do { try await client.create(event, of: Self.type) } catch {
      logger.debug("An event could not be told", metadata: ["agent": "\(agent.key)", "error": "\(error)"])
    }
  }
}
