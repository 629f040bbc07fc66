import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import SecretStore
import TestSupport
import Testing

@testable import Operator

/// A cluster's secrets manager as its first start makes it, which has a real API server say whose tokens it is given.
struct SecretsCluster {
  private static let accounts = ResourceType(plural: "serviceaccounts")
  private let world: OperatorWorld
  private let vaultDomain = TrustDomain.default
  private let reviewer: String
  private let operatorToken: String

  init(_ world: OperatorWorld) async throws {
    self.world = world
    let names = world.values.namespaces
    // No controller makes what OpenBao's own Pod would have.
    for (namespace, name) in [(names.vault, "openbao"), (names.controlPlane, "operator")] {
      var account = KubernetesObject(fields: ["apiVersion": "v1", "kind": "ServiceAccount"])
      (account.namespace, account.name) = (namespace, name)
      try await world.client.apply(account, of: Self.accounts)
    }
    var binding = KubernetesObject(fields: [
      "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
      "roleRef": [
        "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:auth-delegator",
      ],
      "subjects": [["kind": "ServiceAccount", "name": "openbao", "namespace": .string(names.vault)]],
    ])
    binding.name = "openbao-reviews"
    try await world.client.apply(
      binding,
      of: ResourceType(group: "rbac.authorization.k8s.io", plural: "clusterrolebindings", isNamespaced: false))
    reviewer = try await Self.token(of: "openbao", in: names.vault, audience: nil, world.server)
    operatorToken = try await Self.token(of: "operator", in: names.controlPlane, audience: "openbao", world.server)
  }

  /// Runs `body` with the server, and with what the operator's Pod is given to reach it.
  func run(_ body: (VaultWorld, SecretsManager) async throws -> Void) async throws {
    let vault = try await VaultWorld.start(configuration: configuration)
    let result: Result<Void, any Error>
    do {
      let (authority, token) = ("\(vault.directory)/authority.pem", "\(vault.directory)/account-token")
      try vault.authorityPEM.write(toFile: authority, atomically: true, encoding: .utf8)
      try operatorToken.write(toFile: token, atomically: true, encoding: .utf8)
      let manager = SecretsManager(urls: vault.apiAddress, authority: authority, accountToken: token)
      result = .success(try await body(vault, manager))
    } catch { result = .failure(error) }
    await vault.close()
    try result.get()
  }

  /// As the provider of secrets logs in for an agent's Pod.
  func logIn(_ agent: String, _ vault: VaultWorld) async throws -> Vault {
    let token = try await Self.token(of: agent, in: OperatorWorld.namespace, audience: "openbao", world.server)
    let login = try await Vault.logIn(vault.client, jwt: token, role: "agent", mount: "kubernetes")
    return Vault(vault.client, token: login.token)
  }

  private func configuration(_ place: VaultWorld.Place) throws -> [String: String] {
    var values = world.values
    // Of the world's own logins.
    values.trustDomain = "\(vaultDomain)"
    let manifests = try PlatformManifests(
      values: values, texts: PolicyTexts(directory: OperatorWorld.policyDirectory), rules: world.policy)
    func data(_ name: String) throws -> [String: String] {
      for file in manifests.files {
        guard case .objects(let objects) = file.content else { continue }
        for document in objects where document.kind == "ConfigMap" && document.metadata.name == name {
          return try KubernetesObject(encoding: document)["data"]?.object?.compactMapValues(\.string) ?? [:]
        }
      }
      return [:]
    }
    let kubernetes = """
      "\(world.server.url)", disable_local_ca_jwt = true, token_reviewer_jwt = "\(reviewer)",
              kubernetes_ca_cert = { eval_type = "string", eval_source = "file", path = "\(world.server.directory)/ca.crt" } }
      """
    var files = try data("openbao-first-start").filter {
      ["kubernetes.hcl", "policies.hcl", "provision.hcl"].contains($0.key)
    }
    #expect(files.count == 3)
    files["server.hcl"] = try data("openbao")["server.hcl"]
    files["names.hcl"] = """
      api_addr     = "https://\(place.address):8200"
      cluster_addr = "https://\(place.address):8201"

      """
    files["additions.hcl"] = place.additions
    return files.mapValues { text in
      text.replacing("[::]", with: place.address).replacing("/openbao/data", with: "\(place.directory)/data")
        .replacing("/openbao/tls/tls.crt", with: place.certificate)
        .replacing("/openbao/tls/ca.crt", with: place.certificate)
        .replacing("/openbao/tls/tls.key", with: place.key).replacing("/openbao/seal/key", with: place.sealKey)
        .replacing("/openbao/platform/policies", with: "\(OperatorWorld.policyDirectory)/vault/policies")
        .replacing("\"https://kubernetes.default.svc\" }", with: kubernetes)
    }
  }

  /// A token of a service account (`authentication.k8s.io/v1` TokenRequest).
  private static func token(
    of account: String, in namespace: String, audience: String?, _ server: KubernetesServer
  ) async throws -> String {
    let request: JSON = [
      "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
      "spec": audience.map { ["audiences": [.string($0)]] } ?? [:],
    ]
    let directory = server.directory
    let answer = try await Command(
      "curl",
      [
        "--silent", "--fail", "--cacert", "\(directory)/ca.crt", "--cert", "\(directory)/admin.crt", "--key",
        "\(directory)/admin.key", "--header", "Content-Type: application/json", "--data", request.text,
        "\(server.url)/api/v1/namespaces/\(namespace)/serviceaccounts/\(account)/token",
      ]
    ).check()
    return try #require(try JSON(Array(answer.utf8))["status"]?["token"]?.string)
  }
}
