import AgentModel
import Blueprint
import Faults
import JSONValues
import KubernetesAPI

/// An Agent as the cluster has it.
package struct AgentObject: Sendable {
  package static let type = ResourceType(group: "lobstack.dev", version: "v1", plural: "agents")
  /// Holds a deleted Agent until nothing of it is left.
  package static let finalizer = "lobstack.dev/agent"

  package let object: KubernetesObject

  package init(object: KubernetesObject) { self.object = object }

  package var key: ObjectKey { ObjectKey(object) }
  package var uid: String { object.uid ?? "" }
  package var generation: Int { object.generation ?? 0 }
  package var isBeingDeleted: Bool { object.isBeingDeleted }
  package var hasFinalizer: Bool { object.finalizers.contains(Self.finalizer) }

  /// The agent that it describes, by the same rules as on one machine. The namespace says whose it is.
  ///
  /// - Throws: `Fault(.invalid)` naming the field.
  package func agent(tenant: TenantName) throws -> Agent {
    let labels = object.labels.filter { !$0.key.hasPrefix("lobstack.dev/") }
    let document = JSON.object([
      "apiVersion": .string(object.apiVersion), "kind": .string(object.kind),
      "metadata": .object([
        "name": .string(object.name), "tenant": .string("\(tenant)"),
        "labels": .object(labels.mapValues(JSON.string)),
      ]), "spec": object["spec"] ?? .object([:]),
    ])
    return try parseAgent(String(decoding: document.bytes, as: UTF8.self), source: "Agent \(key)")
  }
}
