import AgentModel
import CertificateAuthority
import Foundation
import NodeProtocol
import SecretStore

/// The secrets manager of a platform, as verify may ask it: as root's operator, and as an agent by the node, which holds
/// its token and tells the status of an answer only.
struct OperatorVault: Sendable {
  let layout: InstanceLayout

  func withOperator<Value: Sendable>(_ body: (Vault) async throws -> Value) async throws -> Value {
    let client = VaultClient(address: VaultAddress(socket: layout.vaultSocket))
    do {
      let key = try LoginKey(
        pem: String(contentsOfFile: layout.operatorKey, encoding: .utf8), source: layout.operatorKey)
      let value = try await body(Vault(client, as: .operator, key: key, in: try trustDomain()))
      try await client.shutdown()
      return value
    } catch {
      try? await client.shutdown()  // the first failure is the one to tell
      throw error
    }
  }

  private func trustDomain() throws -> TrustDomain {
    let text = try String(contentsOfFile: layout.trustDomainFile, encoding: .utf8)
    guard let domain = TrustDomain(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw NotTestable("\(layout.trustDomainFile) names no trust domain")
    }
    return domain
  }

  /// The statuses of answers to an agent's own token.
  func statuses(_ probes: [VaultProbe], as agent: AgentID) async throws -> [Int] {
    try await NodeClient(socket: layout.nodeSocket).probeSecrets(probes, as: agent)
  }
}
