import APIModel
import AgentModel
import SecretStore

/// What the control plane asks of the secrets manager. Tests stand in for it with a store in memory.
package protocol SecretKeeping: Sendable {
  /// Stores another version.
  ///
  /// - Parameter current: the version that must be the newest, 0 for none; `nil` for whatever is.
  /// - Returns: the version.
  func set(_ reference: SecretReference, to value: SecretValue, ifCurrent current: Int?) async throws -> Int
  /// - Throws: `Fault(.notFound)` when there is no such secret.
  func delete(_ reference: SecretReference) async throws
  func list() async throws -> [SecretResource]
  /// Those that only this agent may use.
  func own(_ id: AgentID) async throws -> [SecretReference]
  func exists(_ reference: SecretReference) async throws -> Bool
  /// The state of the store that has what was set and deleted.
  var index: VaultIndex? { get }

  /// Makes the agent known, so that its tokens count.
  func enable(_ id: AgentID, uid: AgentUID) async throws
  /// Makes the agent's tokens worth nothing at once.
  func disable(_ id: AgentID, uid: AgentUID) async throws
  /// Destroys what only this agent could read.
  ///
  /// - Returns: the secrets that were destroyed.
  func destroy(_ id: AgentID, uid: AgentUID) async throws -> [SecretReference]
  /// A token by which the node logs in as the agent. Secret.
  func token(for id: AgentID) async throws -> SecretValue

  func close() async throws

  /// Whether it is sealed, or was never initialised, which is the same to whoever needs it.
  func isSealed() async throws -> Bool
  /// How it does, for the status.
  func component() async -> PlatformStatus.Component
  /// - Throws: `Fault(.unavailable)` naming why nothing new may be begun.
  func requireReady(operation: String) async throws
}
