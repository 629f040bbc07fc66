import AgentModel
import FoundationEssentials

/// A secret as the API shows it: everything but its value.
package struct SecretResource: Hashable, Sendable, Codable {
  package var tenant: TenantName
  /// `nil` for a secret that every agent of the tenant may use.
  package var agent: AgentName?
  package var name: SecretName
  /// Rises with every value that was set.
  package var version: Int
  package var updatedAt: Date
  /// When an agent's token last got its value, as far back as the secrets manager's recent audit log goes.
  package var lastReadAt: Date?

  package init(_ reference: SecretReference, version: Int, updatedAt: Date, lastReadAt: Date? = nil) {
    tenant = reference.tenant
    agent = reference.agent
    name = reference.name
    self.version = version
    self.updatedAt = updatedAt
    self.lastReadAt = lastReadAt
  }

  package var reference: SecretReference { SecretReference(tenant: tenant, agent: agent, name: name) }
}
