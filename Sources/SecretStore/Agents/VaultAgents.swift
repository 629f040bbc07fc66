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
  ///
  /// Every login of an agent waits for this: what is as it should be is only read, and all of it at once.
  package func enable(_ id: AgentID, uid: AgentUID) async throws {
    async let key: Void = makeKey(uid)
    // Asked each time: a snapshot that is restored may bring another mount.
    async let mount = vault.accessor(ofAuthMount: Self.mount)
    let entity = try await makeEntity(id, uid)
    let accessor = try await mount
    let alias = SPIFFEID.agent(id, in: domain).description
    // Exactly one: whoever logs in by another name is somebody else.
    if !entity.aliases.contains(where: { $0.accessor == accessor && $0.name == alias }) {
      try await Entities(vault).setAlias(alias, of: entity.id, accessor: accessor)
    }
    try await key
  }

  private func makeKey(_ uid: AgentUID) async throws {
    let transit = Transit(vault)
    guard try await transit.key(uid.volumeKeyName) == nil else { return }
    try await transit.createKey(uid.volumeKeyName, type: .aes256GCM, rotation: Self.rotation)
  }

  private func makeEntity(
    _ id: AgentID, _ uid: AgentUID
  ) async throws -> (id: String, aliases: [Entities.Entity.Alias]) {
    let entities = Entities(vault)
    let metadata = metadata(id, uid)
    if let known = try await entities.entity(id.entityName), !known.isDisabled, known.metadata == metadata {
      return (known.id, known.aliases)
    }
    if let new = try await entities.set(id.entityName, metadata: metadata, isDisabled: false) { return (new, []) }
    // It was there, and another agent's, disabled, or made since it was looked for.
    guard let entity = try await entities.entity(id.entityName) else {
      throw Fault(
        .failed, operation: "make agent \(id) known to the secrets manager", reason: "its entity is not there",
        remedy: "see 'lobstack vault status'")
    }
    return (entity.id, entity.aliases)
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
