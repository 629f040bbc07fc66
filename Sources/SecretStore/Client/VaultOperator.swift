import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Glibc
import Logging

/// Root of this machine at a secrets manager: an instance's, or a node of a cluster that runs here.
package struct VaultOperator: Sendable {
  package let address: VaultAddress
  /// Where clients of others reach it, `https://…`.
  package let api: String
  /// What is provisioned there: `policy/vault`.
  package let policyDirectory: String
  package let trustDomain: TrustDomain
  /// File of the private key that root logs in by.
  private let keyFile: String
  private let logger: Logger

  package static func quietLogger() -> Logger { Logger(label: "lobstack.vault") { _ in SwiftLogNoOpLogHandler() } }

  package init(
    address: VaultAddress, api: String, keyFile: String, policyDirectory: String, trustDomain: TrustDomain,
    logger: Logger = quietLogger()
  ) {
    self.address = address
    self.api = api
    self.keyFile = keyFile
    self.policyDirectory = policyDirectory
    self.trustDomain = trustDomain
    self.logger = logger
  }

  /// - Throws: `Fault(.invalid)` for an address or a trust domain that the supervisor did not write.
  package init(layout: InstanceLayout, logger: Logger = quietLogger()) throws {
    let address = try VaultAddress(of: layout)
    self.init(
      address: address,
      api: VaultAddress.isOwn(layout)
        ? OpenBaoConfiguration.api(at: layout.vaultAddress) : address.nodes.first?.description ?? "",
      keyFile: layout.operatorKey,
      policyDirectory: "\(layout.policyDirectory)/vault", trustDomain: try Self.trustDomain(of: layout), logger: logger)
  }

  /// Runs `body` with a client that needs no token.
  package func withClient<Value: Sendable>(
    patience: Duration = .seconds(5), _ body: (VaultClient) async throws -> Value
  ) async throws -> Value {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: "use the secrets manager", reason: "its socket and the key to it are root's",
        remedy: "run the command with sudo")
    }
    let client = VaultClient(address: address, patience: patience, logger: logger)
    do {
      let value = try await body(client)
      try await client.shutdown()
      return value
    } catch {
      // The first failure is the one to tell.
      try? await client.shutdown()
      throw error
    }
  }

  /// Runs `body` as the operator, whose token ends with it.
  package func with<Value: Sendable>(
    patience: Duration = .seconds(5), _ body: (Vault) async throws -> Value
  ) async throws -> Value {
    try await withClient(patience: patience) { client in
      let vault = try session(client)
      let result: Result<Value, any Error>
      do { result = .success(try await body(vault)) } catch { result = .failure(error) }
      // It ends by itself in a quarter of an hour; a snapshot that was restored does not know it any more.
      try? await vault.revokeSelf()
      return try result.get()
    }
  }

  /// The operator at a client of the caller's own; the token ends by itself, unless it is revoked.
  package func session(_ client: VaultClient) throws -> Vault {
    Vault(client, as: .operator, key: try key(), in: trustDomain)
  }

  /// A token of the operator's, secret, which ends by itself.
  package func token() async throws -> String {
    try await withClient { client in
      let token = try key().token(for: .operator, in: trustDomain, audience: VaultAgents.audience, at: Date())
      return try await Vault.logIn(client, jwt: token.secretToken, role: "operator", mount: "operator").token.secret
    }
  }

  private func key() throws -> LoginKey {
    guard let bytes = FileManager.default.contents(atPath: keyFile) else {
      throw Fault(
        .notFound, operation: "read \(keyFile)", reason: "the file cannot be read",
        remedy: "start the platform with 'lobstack up', which makes it")
    }
    return try LoginKey(pem: String(decoding: bytes, as: UTF8.self), source: keyFile)
  }

  /// The one that the platform was started with.
  private static func trustDomain(of layout: InstanceLayout) throws -> TrustDomain {
    guard let bytes = FileManager.default.contents(atPath: layout.trustDomainFile) else { return .default }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let domain = TrustDomain(text) else {
      throw Fault(
        .invalid, operation: "read \(layout.trustDomainFile)", reason: "it is not \(TrustDomain.rule)",
        remedy: "start the platform again with 'lobstack up'")
    }
    return domain
  }
}
