import AgentModel
import Faults
import FoundationEssentials

/// An agent as the API shows it.
package struct AgentResource: Hashable, Sendable, Codable {
  package var apiVersion = "lobstack.dev/v1"
  package var kind = "Agent"
  package var metadata: Metadata
  package var spec: AgentSpec
  package var status: Status

  package init(metadata: Metadata, spec: AgentSpec, status: Status) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }

  package var id: AgentID { AgentID(tenant: metadata.tenant, name: metadata.name) }

  package struct Metadata: Hashable, Sendable, Codable {
    package var name: AgentName
    package var tenant: TenantName
    package var uid: AgentUID
    package var labels: [String: String]
    /// Rises with every change of the spec or of what is asked of the agent; the value of the ETag.
    package var generation: Int64
    package var createdAt: Date
    /// Set while the agent is being deleted.
    package var deletedAt: Date?

    package init(
      name: AgentName, tenant: TenantName, uid: AgentUID, labels: [String: String], generation: Int64, createdAt: Date,
      deletedAt: Date? = nil
    ) {
      self.name = name
      self.tenant = tenant
      self.uid = uid
      self.labels = labels
      self.generation = generation
      self.createdAt = createdAt
      self.deletedAt = deletedAt
    }
  }

  package struct Status: Hashable, Sendable, Codable {
    package var phase: AgentPhase
    /// Why the agent is in its phase, one readable line with its remedy; `nil` when there is nothing to say.
    package var reason: String?
    /// The fault behind `Failed`.
    package var fault: Fault?
    package var layers: [LayerStatus]
    /// The agent's own address on this machine.
    package var address: String?
    package var imageDigest: String?
    /// How often the agent was started again since its last change.
    package var restarts: Int
    package var lastExit: AgentExit?
    package var startedAt: Date?
    /// What its tier gives it.
    package var limits: UsageResource.Limits?
    /// What the agent uses of the machine, read within the last half minute; absent when it does not run.
    package var usage: UsageResource.Sample?
    /// What admission policies say against the agent without refusing it; absent when there is nothing.
    package var warnings: [String]?
    /// The generation that the rest of the status speaks of.
    package var observedGeneration: Int64

    package init(
      phase: AgentPhase, reason: String? = nil, fault: Fault? = nil, layers: [LayerStatus] = [], address: String? = nil,
      imageDigest: String? = nil, restarts: Int = 0, lastExit: AgentExit? = nil, startedAt: Date? = nil,
      observedGeneration: Int64 = 0
    ) {
      self.phase = phase
      self.reason = reason
      self.fault = fault
      self.layers = layers
      self.address = address
      self.imageDigest = imageDigest
      self.restarts = restarts
      self.lastExit = lastExit
      self.startedAt = startedAt
      self.observedGeneration = observedGeneration
    }
  }
}

/// A page of a listing.
package struct Page<Item: Sendable & Codable>: Sendable, Codable {
  package var items: [Item]
  /// Pass as `cursor` to get what follows; `nil` on the last page.
  package var next: String?
  /// Of the audit log alone: records that belong here are archived, and not in the answer.
  package var archived: ArchivedRecords?

  package init(items: [Item], next: String? = nil, archived: ArchivedRecords? = nil) {
    self.items = items
    self.next = next
    self.archived = archived
  }
}

/// Asks for a response without an alert.
package struct ResponseRequest: Sendable, Codable {
  package var response: AgentResponse

  package init(response: AgentResponse) { self.response = response }
}
