import AgentModel
import ClusterAgents
import Faults
import SecretStore
import Synchronization

/// Makes agents known to the secrets manager by their service accounts, before anything of them asks for a secret.
final class AgentIdentities: Sendable {
  private let session: SecretsManagerSession
  /// Who was made known while this process leads, and by what.
  private let known = Mutex<[ObjectKey: String]>([:])

  init(_ session: SecretsManagerSession) { self.session = session }

  /// - Parameter account: uid of its service account.
  func make(_ agent: AgentObject, _ id: AgentID, account: String) async throws {
    let identity = "\(agent.uid)/\(account)"
    guard known.withLock({ $0[agent.key] }) != identity else { return }
    let uid = agent.uid
    try await session.run { try await $0.enable(id, uid: uid, account: account) }
    known.withLock { $0[agent.key] = identity }
  }

  func destroy(_ key: ObjectKey, _ id: AgentID) async throws {
    forget(key)
    try await session.run { try await $0.destroy(id) }
  }

  func forget(_ key: ObjectKey) { known.withLock { $0[key] = nil } }
}

/// The secrets manager does not know an agent that has secrets.
struct IdentityFailure: Error {
  /// Why it does not.
  let fault: Fault
}
