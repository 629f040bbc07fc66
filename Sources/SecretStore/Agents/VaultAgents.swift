import AgentModel
import Faults

/// Agents as the secrets manager knows them: who they are, and whether their tokens count. Every step can be repeated.
package struct VaultAgents: Sendable {
  package static let mount = "jwt"
  package static let role = "agent"
  package static let audience = "openbao"
  /// How often the keys that wrap the workspaces' keys are changed.
  private static let rotation = Duration.seconds(90 * 86_400)

  private let vault: Vault
  private let domain: TrustDomain

  package init(_ vault: Vault, domain: TrustDomain) {
    self.vault = vault
    self.domain = domain
  }

  /// Says which keys sign the tokens of agents.
  ///
  /// - Parameter keys: PEM.
  package func believe(keys: [String]) async throws {
    try await vault.write(.keys(keys, ofMount: Self.mount))
  }

  /// Makes the agent known, with a key for its workspace; its tokens count from now on.
  package func enable(_ id: AgentID, uid: AgentUID) async throws {
    try await Transit(vault).createKey(uid.volumeKeyName, type: .aes256GCM, rotation: Self.rotation)
    let entities = Entities(vault)
    try await entities.set(id.entityName, metadata: metadata(id, uid), isDisabled: false)
    guard let entity = try await entities.entity(id.entityName) else {
      throw Fault(
        .failed, operation: "make agent \(id) known to the secrets manager", reason: "its entity is not there",
        remedy: "see 'lobstack vault status'")
    }
    let accessor = try await vault.accessor(ofAuthMount: Self.mount)
    let alias = SPIFFEID.agent(id, in: domain).description
    // Exactly one: whoever logs in by another name is somebody else.
    guard !entity.aliases.contains(where: { $0.accessor == accessor && $0.name == alias }) else { return }
    try await entities.setAlias(alias, of: entity.id, accessor: accessor)
  }

  /// Makes the agent's tokens worth nothing at once, and refuses it another; `enable` takes that back.
  package func disable(_ id: AgentID, uid: AgentUID) async throws {
    let entities = Entities(vault)
    guard let entity = try await entities.entity(id.entityName), !entity.isDisabled else { return }
    try await entities.set(id.entityName, metadata: metadata(id, uid), isDisabled: true)
  }

  /// Destroys what only this agent could read: its secrets with all versions, the key of its workspace, its entity.
  ///
  /// - Returns: the names of the secrets that were destroyed.
  package func destroy(_ id: AgentID, uid: AgentUID) async throws -> [SecretName] {
    try await disable(id, uid: uid)
    let names = try await secrets(of: id)
    for name in names { try await KeyValue(vault).destroy("\(place(of: id))/\(name)") }
    try await Transit(vault).destroyKey(uid.volumeKeyName)
    try await Entities(vault).delete(id.entityName)
    return names
  }

  /// The names of the secrets that only this agent may use.
  package func secrets(of id: AgentID) async throws -> [SecretName] {
    try await KeyValue(vault).list(place(of: id)).compactMap { SecretName($0) }
  }

  private func place(of id: AgentID) -> String { "\(SecretReference.root)/agent/\(id.vaultName)" }

  private func metadata(_ id: AgentID, _ uid: AgentUID) -> [String: String] {
    ["agent_id": id.vaultName, "tenant": "\(id.tenant)", "uid": "\(uid)"]
  }
}
