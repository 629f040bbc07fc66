import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Glibc
import Logging

/// Root of this machine at the instance's own secrets manager.
package struct VaultOperator: Sendable {
  package let layout: InstanceLayout
  private let logger: Logger

  package init(
    layout: InstanceLayout, logger: Logger = Logger(label: "lobstack.vault") { _ in SwiftLogNoOpLogHandler() }
  ) {
    self.layout = layout
    self.logger = logger
  }

  /// Runs `body` with a client that needs no token.
  package func withClient<Value: Sendable>(
    patience: Duration = .seconds(5), _ body: (VaultClient) async throws -> Value
  ) async throws -> Value {
    guard geteuid() == 0 else {
      throw Fault(
        .denied, operation: "use the secrets manager", reason: "its socket is root's and the control plane's",
        remedy: "run the command with sudo")
    }
    let client = VaultClient(address: VaultAddress(socket: layout.vaultSocket), patience: patience, logger: logger)
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
      let vault = Vault(client, as: .operator, key: try key(), in: try trustDomain())
      do {
        let value = try await body(vault)
        // A snapshot that was restored does not know the token any more; it ends by itself in any case.
        try? await vault.revokeSelf()
        return value
      } catch {
        // It ends by itself in a quarter of an hour.
        try? await vault.revokeSelf()
        throw error
      }
    }
  }

  /// A token of the operator's, secret, which ends by itself.
  package func token() async throws -> String {
    try await withClient { client in
      let token = try key().token(for: .operator, in: try trustDomain(), audience: VaultAgents.audience, at: Date())
      return try await Vault.logIn(client, jwt: token.secretToken, role: "operator", mount: "operator").token.secret
    }
  }

  private func key() throws -> LoginKey {
    guard let bytes = FileManager.default.contents(atPath: layout.operatorKey) else {
      throw Fault(
        .notFound, operation: "read \(layout.operatorKey)", reason: "the file cannot be read",
        remedy: "start the platform with 'lobstack up', which makes it")
    }
    return try LoginKey(pem: String(decoding: bytes, as: UTF8.self), source: layout.operatorKey)
  }

  /// The one that the platform was started with.
  package func trustDomain() throws -> TrustDomain {
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
