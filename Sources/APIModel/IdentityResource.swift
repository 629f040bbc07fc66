import AgentModel

/// Who the caller is, as the platform sees it.
package struct IdentityResource: Hashable, Sendable, Codable {
  /// The actor of audit records: `root@unix`, `token:ci`, `agent:acme/bot`.
  package var name: String
  package var role: Role?
  package var tenant: TenantName?
  /// Of an agent.
  package var spiffeID: SPIFFEID?

  package init(name: String, role: Role?, tenant: TenantName?, spiffeID: SPIFFEID?) {
    self.name = name
    self.role = role
    self.tenant = tenant
    self.spiffeID = spiffeID
  }
}
