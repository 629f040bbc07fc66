import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import Glibc
import Logging
import SecretStore

/// Root of this machine at the instance's own secrets manager.
package struct VaultOperator: Sendable {
  private let layout: InstanceLayout
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
  private func trustDomain() throws -> TrustDomain {
    guard let bytes = FileManager.default.contents(atPath: layout.trustDomainFile) else { return .default }
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let domain = TrustDomain(text) else {
      throw Fault(
        .invalid, operation: "read \(layout.trustDomainFile)", reason: "it is not \(TrustDomain.rule)",
        remedy: "start the platform again with 'lobstack up'")
    }
    return domain
  }

  private func policy() throws -> VaultPolicy {
    try VaultPolicy.load(directory: "\(layout.policyDirectory)/vault", trustDomain: try trustDomain())
  }

  // MARK: What it is asked

  /// How the secrets manager does, as far as it can be told.
  package func report() async throws -> VaultReport {
    let (health, seal) = try await withClient { (try await $0.health(), try await $0.sealStatus()) }
    var report = VaultReport(
      address: layout.vaultSocket, api: "https://\(layout.vaultAddress):\(OpenBaoConfiguration.apiPort)",
      version: health.version, state: health.isReady ? "ready" : health.isInitialized ? "sealed" : "uninitialised",
      seal: seal.type, sharesGiven: seal.progress, sharesNeeded: seal.threshold)
    guard health.isReady else { return report }
    let policy = try policy()
    return try await with { vault in
      let cluster = try await vault.clusterState()
      report.nodes = cluster.nodes.values.map { VaultReport.Node(name: $0.name, address: $0.address, state: $0.status) }
        .sorted { $0.name < $1.name }
      // What autopilot says of one node is that none may fail; nothing else is called highly available.
      report.failureTolerance = cluster.healthy ? cluster.failureTolerance : 0
      report.drift = try await Provisioner(vault, policy: policy).drift().map(\.description)
      let transit = Transit(vault)
      for name in try await transit.keys() {
        guard let key = try await transit.key(name) else { continue }
        report.keys.append(
          VaultReport.Key(
            name: name, type: key.type, version: key.latestVersion, rotationDays: key.rotationPeriod / 86_400))
      }
      return report
    }
  }

  /// Brings the secrets manager to what the policy says, and makes the root of the trust domain.
  ///
  /// - Returns: what was not so.
  func provision(rootLife: Duration, patience: Duration) async throws -> [Provisioner.Drift] {
    let (policy, domain) = (try policy(), try trustDomain())
    return try await with(patience: patience) { vault in
      let mended = try await Provisioner(vault, policy: policy).apply()
      let authorities = Authorities(vault)
      if try await authorities.root() == nil {
        _ = try await authorities.makeRoot(
          commonName: "Lobstack root", uri: TrustBundle.id(of: domain), life: rootLife)
      }
      return mended
    }
  }

  // MARK: Keys

  /// Gives every key that encrypts another version, and wraps what is kept by it. Signing keys stay: their public halves
  /// are known outside.
  ///
  /// A run that was interrupted is completed by `rewrap`.
  package func rotateKeys(progress: @Sendable (String) -> Void) async throws -> KeyRotation {
    let rotated = try await with { vault in
      try await vault.rotateStoreKey()
      let transit = Transit(vault)
      var names: [String] = []
      for name in try await transit.keys() {
        guard let key = try await transit.key(name), key.type == Transit.KeyType.aes256GCM.rawValue else { continue }
        progress("rotating \(name)")
        try await transit.rotate(name)
        names.append(name)
      }
      return names
    }
    var rotation = try await rewrap(progress: progress)
    rotation.rotated = rotated.count
    return rotation
  }

  /// Wraps by the newest version of its key whatever is wrapped by an older one; what is done already is passed over.
  package func rewrap(progress: @Sendable (String) -> Void) async throws -> KeyRotation {
    let agents = (try? FileManager.default.contentsOfDirectory(atPath: layout.agentsDirectory)) ?? []
    let files =
      [(key: "agent-data", file: layout.storeKeyFile)]
      + agents.compactMap { AgentUID($0) }.sorted().map { uid in
        (key: uid.volumeKeyName, file: "\(layout.agentsDirectory)/\(uid)/workspace.key")
      }
    return try await with { vault in
      var rotation = KeyRotation()
      for (number, (key, file)) in files.enumerated() {
        guard let data = FileManager.default.contents(atPath: file) else { continue }
        let old = String(decoding: data, as: UTF8.self)
        guard old.hasPrefix("vault:v") else {
          rotation.failed.append("\(file): it holds no wrapped key")
          continue
        }
        do {
          guard let new = try await Transit(vault).rewrap([old], key: key).first else { continue }
          guard Self.version(of: new) != Self.version(of: old) else {
            rotation.current += 1
            continue
          }
          // Whose file it is stays as it was.
          let attributes = try FileManager.default.attributesOfItem(atPath: file)
          try writeAtomically(
            Data(new.utf8), to: file, mode: 0o600, owner: (attributes[.ownerAccountID] as? NSNumber)?.uint32Value,
            group: (attributes[.groupOwnerAccountID] as? NSNumber)?.uint32Value)
          rotation.rewrapped += 1
          progress("\(number + 1) of \(files.count): \(key)")
        } catch let fault as Fault where [.invalid, .notFound].contains(fault.code) {
          // Its key is destroyed: the agent is being deleted.
          rotation.failed.append("\(file): \(fault.reason)")
        }
      }
      return rotation
    }
  }

  /// `v3` of `vault:v3:…`.
  private static func version(of wrapped: String) -> Substring? {
    let parts = wrapped.split(separator: ":")
    return parts.count == 3 ? parts[1] : nil
  }
}

/// What `lobstack vault status` tells.
package struct VaultReport: Sendable, Codable {
  package struct Node: Sendable, Codable {
    package var name: String
    package var address: String
    package var state: String
  }

  package struct Key: Sendable, Codable {
    package var name: String
    package var type: String
    package var version: Int
    /// 0 for one that is not rotated by itself.
    package var rotationDays: Int
  }

  package var address: String
  package var api: String
  package var version: String
  /// `ready`, `sealed` or `uninitialised`.
  package var state: String
  package var seal: String
  package var sharesGiven: Int
  package var sharesNeeded: Int
  package var nodes: [Node] = []
  /// Nodes that may fail before it stops.
  package var failureTolerance = 0
  package var drift: [String] = []
  package var keys: [Key] = []
}

package struct KeyRotation: Sendable, Codable {
  /// Keys that got another version.
  package var rotated = 0
  package var rewrapped = 0
  /// Wrapped by the newest version before.
  package var current = 0
  package var failed: [String] = []
}
