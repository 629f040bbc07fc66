/// Where the secrets of agents and tenants lie in the KV engine; `policy/vault/policies/lobstack-agent.hcl` opens these
/// places and no other.
extension SecretReference {
  package static let root = "lobstack"

  /// The path below the mount.
  package var path: String {
    guard let agent else { return "\(Self.root)/tenant/\(tenant)/\(name)" }
    return "\(Self.root)/agent/\(AgentID(tenant: tenant, name: agent).vaultName)/\(name)"
  }
}

extension AgentID {
  /// One word for the agent, in metadata and paths. Neither part has a dot.
  package var vaultName: String { "\(tenant).\(name)" }

  /// - Returns: `nil` for a word that is none of ours.
  package init?(vaultName: String) {
    self.init(vaultName.replacing(".", with: "/", maxReplacements: 1))
  }

  /// The name of its entity.
  package var entityName: String { "\(Self.entityPrefix)\(vaultName)" }

  package static let entityPrefix = "lobstack-agent-"
}

extension AgentUID {
  /// The Transit key that wraps the key of its workspace.
  package var volumeKeyName: String { "volume-\(self)" }
}
