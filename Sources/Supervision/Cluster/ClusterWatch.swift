import CertificateAuthority
import Faults
import Files
import Foundation
import SecretStore

/// Tells how a node and its cluster do, at each change.
struct ClusterWatch: Sendable {
  let node: ClusterNode

  private static let interval = Duration.seconds(1)

  /// Runs until it is cancelled.
  func run(progress: @Sendable (String) -> Void) async throws {
    let manager = try VaultOperator(node: node)
    let client = VaultClient(address: manager.address, patience: .zero)
    let result = await Result { try await watch(client, manager, progress: progress) }
    try await client.shutdown()
    try result.get()
  }

  private func watch(
    _ client: VaultClient, _ manager: VaultOperator, progress: @Sendable (String) -> Void
  ) async throws {
    let vault = try manager.session(client)
    var told = ""
    while true {
      let line = "node \(node.name): \(await state(client, vault))"
      if line != told { progress(line) }
      told = line
      try await Task.sleep(for: Self.interval)
    }
  }

  private func state(_ client: VaultClient, _ vault: Vault) async -> String {
    do {
      let health = try await client.health()
      guard health.isInitialized else { return "waiting for the cluster to take it in" }
      if !node.isMember { try writeAtomically(Data(), to: node.memberMark, mode: 0o444) }
      guard !health.isSealed else { return "sealed" }
      let role = health.isStandby ? "standby" : "leader"
      guard let cluster = try await vault.clusterState() else { return role }
      // A node that joined has no vote for ten seconds.
      let word = cluster.tolerance > 0 ? "\(cluster.tolerance) may fail: highly available" : "none may fail"
      return "\(role), cluster of \(cluster.nodes.count) nodes, \(word)"
    } catch {
      return "no answer yet (\((error as? Fault)?.reason ?? "\(error)"))"
    }
  }
}
