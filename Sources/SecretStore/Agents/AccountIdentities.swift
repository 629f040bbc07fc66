import AgentModel
import Faults

/// Agents of a cluster as the secrets manager knows them: each is who logs in by the agent's service account. Every step
/// can be repeated.
package struct AccountIdentities: Sendable {
  /// Of the logins of service accounts, and the role of who says which account is whose.
  package static let mount = "kubernetes"
  package static let role = "identities"

  private let vault: Vault

  package init(_ vault: Vault) { self.vault = vault }

  /// Makes the agent known. Whoever was it before by another account, or in another life, is it no more.
  ///
  /// - Parameters:
  ///   - uid: of this life of the agent.
  ///   - account: uid of its service account, which is the name that it logs in by.
  package func enable(_ id: AgentID, uid: String, account: String) async throws {
    let metadata = ["agent_id": id.vaultName, "tenant": "\(id.tenant)", "uid": uid]
    let entities = Entities(vault)
    // Asked each time: a snapshot that is restored may bring another mount.
    let accessor = try await vault.accessor(ofAuthMount: Self.mount)
    if let known = try await entities.entity(id.entityName) {
      let isAsWanted =
        !known.isDisabled && known.metadata == metadata && known.aliases.count == 1
        && known.aliases.allSatisfy { $0.accessor == accessor && $0.name == account }
      if isAsWanted { return }
      // With its aliases: the server takes no second one of a mount, and its tokens end.
      try await entities.delete(id.entityName)
    }
    guard let entity = try await entities.set(id.entityName, metadata: metadata, isDisabled: false) else {
      throw Fault(
        .conflict, operation: "make agent \(id) known to the secrets manager",
        reason: "somebody else made its entity at the same time", remedy: "it is tried again")
    }
    try await entities.setAlias(account, of: entity, accessor: accessor)
  }

  /// Makes the agent unknown, its tokens worth nothing, and destroys the secrets that only it could read.
  package func destroy(_ id: AgentID) async throws {
    try await Entities(vault).delete(id.entityName)
    let place = "\(SecretReference.root)/agent/\(id.vaultName)"
    for name in try await KeyValue(vault).list(place).compactMap({ SecretName($0) }) {
      try await KeyValue(vault).destroy("\(place)/\(name)")
    }
  }
}
