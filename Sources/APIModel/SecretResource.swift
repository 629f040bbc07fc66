import AgentModel
import FoundationEssentials

/// A secret as the API shows it: everything but its value.
package struct SecretResource: Hashable, Sendable, Codable {
  package var tenant: TenantName
  /// `nil` for a secret that every agent of the tenant may use.
  package var agent: AgentName?
  package var name: SecretName
  /// Rises with every value that was set; `nil` on a cluster, whose control plane does not ask the secrets manager.
  package var version: Int?
  /// `nil` as the version is.
  package var updatedAt: Date?
  /// When an agent's token last got its value, as far back as the secrets manager's recent audit log goes.
  package var lastReadAt: Date?
  /// On a cluster, which knows of secrets by documents alone: the agents that name it.
  package var agents: [AgentName]?
  /// On a cluster: whether one of these agents, or its gateway, runs with it, so that it is set.
  package var inUse: Bool?

  package init(_ reference: SecretReference, version: Int, updatedAt: Date, lastReadAt: Date? = nil) {
    tenant = reference.tenant
    agent = reference.agent
    name = reference.name
    self.version = version
    self.updatedAt = updatedAt
    self.lastReadAt = lastReadAt
  }

  package init(_ reference: SecretReference, agents: [AgentName], inUse: Bool) {
    tenant = reference.tenant
    agent = reference.agent
    name = reference.name
    self.agents = agents
    self.inUse = inUse
  }

  package var reference: SecretReference { SecretReference(tenant: tenant, agent: agent, name: name) }
}
