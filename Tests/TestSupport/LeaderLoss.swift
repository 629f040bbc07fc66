import AgentModel
import CertificateAuthority
import Faults
import Foundation
import HCL
import SecretStore
import Supervision
import Synchronization

/// What writers see of a cluster whose leader is killed again and again.
package struct LeaderLoss: Sendable {
  package var acknowledged = 0
  /// Writes that were acknowledged and are not there.
  package var lost: [String] = []
  /// Writes that failed in spite of all patience.
  package var failed = 0
  /// From each kill to the end of the first write that began after it.
  package var recoveries: [Duration] = []

  private struct Write: Sendable {
    var path: String
    var began: ContinuousClock.Instant
    var ended: ContinuousClock.Instant
  }

  private final class Ledger: Sendable {
    private let state = Mutex<(writes: [Write], failed: Int, isOver: Bool)>(([], 0, false))

    var isOver: Bool { state.withLock { $0.isOver } }
    func end() { state.withLock { $0.isOver = true } }
    func note(_ write: Write) { state.withLock { $0.writes.append(write) } }
    func noteFailure() { state.withLock { $0.failed += 1 } }
    var all: (writes: [Write], failed: Int) { state.withLock { ($0.writes, $0.failed) } }
  }

  private static let writers = 4

  /// Kills the leader `kills` times under the load of four writers, each time once the cluster can bear it, and reads
  /// everything back at the end.
  package static func measure(_ cluster: VaultCluster, kills: Int) async throws -> LeaderLoss {
    let vault = try await writer(cluster)
    let ledger = Ledger()
    var killed: [ContinuousClock.Instant] = []
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<writers { group.addTask { await write(number, vault, ledger) } }
      defer { ledger.end() }
      for _ in 0..<kills {
        try await cluster.waitUntilAvailable()
        try await Task.sleep(for: .milliseconds(500))
        try await cluster.killLeader()
        killed.append(.now)
      }
      try await cluster.waitUntilAvailable()
      ledger.end()
      try await group.waitForAll()
    }
    let (writes, failed) = ledger.all
    var loss = LeaderLoss(acknowledged: writes.count, failed: failed)
    loss.recoveries = killed.compactMap { kill in
      writes.filter { $0.began > kill }.map(\.ended).min().map { $0 - kill }
    }
    for write in writes {
      let found = try await KeyValue(vault).read(write.path)
      if found?.value.bytes.elementsEqual(write.path.utf8) != true { loss.lost.append(write.path) }
    }
    return loss
  }

  private static func write(_ number: Int, _ vault: Vault, _ ledger: Ledger) async {
    var count = 0
    while !ledger.isOver {
      let path = "lobstack/load/\(number)/\(count)"
      let began = ContinuousClock.now
      do {
        try await KeyValue(vault).write(path, SecretValue(path.utf8))
        ledger.note(Write(path: path, began: began, ended: .now))
      } catch {
        ledger.noteFailure()
      }
      count += 1
    }
  }

  /// Somebody who may write and read, which neither the operator nor the control plane may.
  private static func writer(_ cluster: VaultCluster) async throws -> Vault {
    let manager = try cluster.operatorVault()
    func object(_ entries: [(String, HCLValue)]) -> HCLObject {
      var object = HCLObject()
      for (key, value) in entries { _ = object.add(value, for: key) }
      return object
    }
    let policy = #"path "secret/data/lobstack/load/*" { capabilities = ["create", "read", "update"] }"#
    try await manager.write(
      ProvisioningRequest(
        name: "load/policy", path: "sys/policies/acl/load", data: object([("policy", .string(policy))])))
    try await manager.write(
      ProvisioningRequest(
        name: "load/role", path: "auth/operator/role/load",
        data: object([
          ("role_type", .string("jwt")), ("user_claim", .string("sub")),
          ("bound_audiences", .list([.string("openbao")])),
          ("token_policies", .list([.string("load")])), ("token_ttl", .string("1h")),
        ])))
    let pem = try String(contentsOfFile: cluster.nodes[0].operatorKey, encoding: .utf8)
    let token = try LoginKey(pem: pem, source: "the cluster's key").token(
      for: .operator, in: .default, audience: "openbao", at: Date())
    let login = try await Vault.logIn(cluster.client, jwt: token.secretToken, role: "load", mount: "operator")
    return Vault(cluster.client, token: login.token)
  }
}
