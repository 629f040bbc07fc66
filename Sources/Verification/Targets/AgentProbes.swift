import AgentModel
import NodeProtocol
import SecretStore

extension VaultOperator {
  /// The statuses of answers to an agent's own token, which the node holds and shows nobody.
  func statuses(_ probes: [VaultProbe], as agent: AgentID) async throws -> [Int] {
    try await NodeClient(socket: layout.nodeSocket).probeSecrets(probes, as: agent)
  }
}
