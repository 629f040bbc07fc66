import Faults
import Foundation
import SecretStore

/// The secrets manager of a cluster, and how the operator logs in to it.
package struct SecretsManager: Hashable, Sendable {
  /// As `VaultAddress` reads them.
  package var urls: String
  /// File of who vouches for it, PEM; `nil` for the system's authorities.
  package var authority: String?
  /// File of a token of the operator's service account, for the audience `openbao`. The kubelet writes new ones to it.
  package var accountToken: String

  package init(urls: String, authority: String?, accountToken: String) {
    self.urls = urls
    self.authority = authority
    self.accountToken = accountToken
  }

  /// Longest file that is read, in bytes.
  private static let longest = 1 << 20

  fileprivate static func text(of path: String, _ what: String) throws -> String {
    guard let bytes = FileManager.default.contents(atPath: path), bytes.count <= longest else {
      throw Fault(
        .notFound, operation: "log in to the secrets manager", reason: "\(path), \(what), cannot be read",
        remedy: "see 'The operator's login' in docs/reference/kubernetes-vault.md")
    }
    return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
  }
}

/// A session at the secrets manager, from when it is first needed: the authority's certificate comes to the cluster after
/// the operator does.
actor SecretsManagerSession {
  /// After an answer that did not come, nobody else waits for one so long: each agent would keep a worker.
  private static let rest = Duration.seconds(5)

  private let manager: SecretsManager
  private var client: VaultClient?
  private var vault: Vault?
  private var failure: (fault: Fault, end: ContinuousClock.Instant)?

  init(_ manager: SecretsManager) { self.manager = manager }

  func run(_ body: @Sendable (AccountIdentities) async throws -> Void) async throws {
    if let failure, failure.end > .now { throw failure.fault }
    do { try await body(AccountIdentities(opened())) } catch let fault as Fault {
      if [.unavailable, .timedOut, .unauthenticated].contains(fault.code) { failure = (fault, .now + Self.rest) }
      throw fault
    }
  }

  private func opened() throws -> Vault {
    if let vault { return vault }
    let roots = try manager.authority.map { try SecretsManager.text(of: $0, "the certificate of its authority") }
    let client = VaultClient(address: try VaultAddress(urls: manager.urls, roots: roots), patience: .seconds(1))
    let path = manager.accountToken
    let vault = Vault(
      client,
      session: VaultSession {
        let token = try SecretsManager.text(of: path, "the token of the operator's service account")
        return try await Vault.logIn(client, jwt: token, role: AccountIdentities.role, mount: AccountIdentities.mount)
      })
    self.client = client
    self.vault = vault
    return vault
  }

  func shutdown() async {
    vault = nil
    // What it was used for has ended.
    try? await client?.shutdown()
    client = nil
  }
}
