import AgentModel
import Blueprint
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import SecretStore
import TestSupport
import Testing
import Verification

@testable import ClusterVerification
@testable import Operator

/// Against a real API server and a real OpenBao: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite("The checks of agents' secrets", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(5)))
struct VerifiedSecretsTests {
  private static let ids = ["SEC-1", "SEC-3", "SEC-4", "SEC-5-SECRETS"]
  private static let policy = "sys/policies/acl/lobstack-agent"

  private func verdicts(
    _ options: ClusterVerify.Options, _ world: OperatorWorld
  ) async throws -> [String: CheckReport] {
    // Nobody else ends what is deleted here.
    let ending = Task {
      while !Task.isCancelled {
        try? await world.releaseDeleted()
        try? await Task.sleep(for: .milliseconds(200))
      }
    }
    defer { ending.cancel() }
    let report = try await ClusterVerify(options) { _ in }.run()
    return Dictionary(uniqueKeysWithValues: report.checks.map { ($0.id, $0) })
  }

  @Test("prove the policy, fail where it opens more, take their secrets away, and show nothing without an address")
  func controls() async throws {
    try await OperatorWorld.with { world in
      try await world.serve(.secretClasses)
      let names = world.values.namespaces
      for (namespace, name) in [
        (names.controlPlane, "control-plane"), (names.vault, "vault-operator"), (OperatorWorld.namespace, "default"),
      ] {
        var account = KubernetesObject(fields: ["apiVersion": "v1", "kind": "ServiceAccount"])
        (account.namespace, account.name) = (namespace, name)
        try await world.client.apply(account, of: .serviceAccounts)
      }
      let cluster = try await SecretsCluster(world)
      try await cluster.run { vault, manager in
        try await world.operated(secretsManager: manager) { _ in
          var options = ClusterVerify.Options(
            cluster: try world.server.configuration(), values: world.values, policy: world.policy,
            gateway: GatewayConfiguration(arguments: [], files: { _, _ in [:] }),
            secretsManager: try VaultAddress(urls: vault.apiAddress, roots: vault.authorityPEM), only: Self.ids)
          // Nothing here empties namespaces.
          options.patience = .seconds(5)
          let first = try await verdicts(options, world)
          for id in Self.ids { #expect(first[id]?.verdict == .proven, "\(id): \(first[id]?.evidence ?? [])") }
          let left = try await KeyValue(vault.asControlPlane).list("lobstack/tenant/default")
          #expect(left.isEmpty)

          let wide = """
            path "secret/*" { capabilities = ["read", "list"] }
            path "transit/decrypt/*" { capabilities = ["update"] }
            """
          let isChanged = try await vault.asOperator.status(of: VaultProbe(.write, Self.policy, body: ["policy": wide]))
          #expect([200, 204].contains(isChanged))
          options.only = ["SEC-1", "SEC-3"]
          let second = try await verdicts(options, world)
          for id in options.only { #expect(second[id]?.verdict == .failed, "\(id): \(second[id]?.evidence ?? [])") }

          options.secretsManager = nil
          let third = try await verdicts(options, world)
          for id in options.only { #expect(third[id]?.verdict == .notTestable) }
        }
      }
    }
  }
}
