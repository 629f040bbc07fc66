import AgentModel
import FoundationEssentials

/// A secret as the API shows it: everything but its value.
package struct SecretResource: Hashable, Sendable, Codable {
  package var tenant: TenantName
  /// `nil` for a secret that every agent of the tenant may use.
  package var agent: AgentName?
  package var name: SecretName
  package var version: Int
  package var updatedAt: Date
  /// When an agent's token last got its value, as far back as the secrets manager's recent audit log goes.
  package var lastReadAt: Date?

  package init(_ secret: SecretDescription) {
    tenant = secret.reference.tenant
    agent = secret.reference.agent
    name = secret.reference.name
    version = secret.version
    updatedAt = Date(timeIntervalSince1970: TimeInterval(secret.updatedAt))
    lastReadAt = secret.readAt.map { Date(timeIntervalSince1970: TimeInterval($0)) }
  }
}
