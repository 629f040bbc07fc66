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
  /// Holds a deleted Agent until the secrets manager does not know it any more.
  package static let identityFinalizer = "lobstack.dev/identity"

  package let object: KubernetesObject

  package init(object: KubernetesObject) { self.object = object }

  package var key: ObjectKey { ObjectKey(object) }
  package var uid: String { object.uid ?? "" }
  package var generation: Int { object.generation ?? 0 }
  package var isBeingDeleted: Bool { object.isBeingDeleted }

  /// - Parameter isIdentified: whether agents are made known to the secrets manager.
  package func lackingFinalizers(isIdentified: Bool) -> [String] {
    let wanted = [Self.finalizer] + (isIdentified && mayUseSecrets ? [Self.identityFinalizer] : [])
    return wanted.filter { !object.finalizers.contains($0) }
  }

  /// Whether the document names secrets, be it right or not.
  private var mayUseSecrets: Bool {
    object["spec", "secrets"]?.array?.isEmpty == false
      || (object["spec", "egress"]?.array ?? []).contains { $0["credential"] != nil }
  }

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

  // MARK: What was accepted

  /// Longest text that is kept of a document, in bytes.
  private static let longest = 256 << 10

  /// What of the document an agent is made of, as text: it stands in the status from when it was accepted, so that it goes
  /// on when the document becomes one that is not, also after a restart. `nil` when it is too long to be there twice.
  package var document: String? {
    let labels = JSON.object(object.labels.mapValues(JSON.string))
    let text = JSON.object(["labels": labels, "spec": object["spec"] ?? [:]]).text
    return text.utf8.count <= Self.longest ? text : nil
  }

  /// The Agent with the document that was accepted last.
  package var accepted: AgentObject? {
    guard let text = object["status", "accepted"]?.string, let document = try? JSON(Array(text.utf8)),
      let spec = document["spec"]?.object
    else { return nil }
    var before = object
    before.fields["spec"] = .object(spec)
    before.labels = document["labels"]?.object?.compactMapValues(\.string) ?? [:]
    return AgentObject(object: before)
  }

  /// When its hosts close, whatever else of the document can be read.
  package var endings: [UTCTime] {
    (object["spec", "egress"]?.array ?? []).compactMap { $0["expires"]?.string.flatMap(UTCTime.init) }
  }
}
