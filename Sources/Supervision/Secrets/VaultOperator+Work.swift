import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import SecretStore

extension VaultOperator {
  private var policy: VaultPolicy {
    get throws { try VaultPolicy.load(directory: policyDirectory, trustDomain: trustDomain) }
  }

  // MARK: What it is asked

  /// How the secrets manager does, as far as it can be told.
  package func report() async throws -> VaultReport {
    let (health, seal) = try await withClient { (try await $0.health(), try await $0.sealStatus()) }
    var report = VaultReport(
      address: address.description, api: api, version: health.version,
      state: health.isReady ? "ready" : health.isInitialized ? "sealed" : "uninitialised", seal: seal.type,
      sharesGiven: seal.progress, sharesNeeded: seal.threshold)
    guard health.isReady else { return report }
    let policy = try policy
    return try await with { vault in
      if let cluster = try await vault.clusterState() {
        report.nodes = cluster.nodes.values
          .map { VaultReport.Node(name: $0.name, address: $0.address, state: $0.status) }.sorted { $0.name < $1.name }
        report.failureTolerance = cluster.tolerance
      }
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

  // MARK: What it does

  /// Brings the secrets manager to what the policy says, and makes the root of the trust domain.
  ///
  /// - Parameters:
  ///   - logins: by which the platform logs in. A key of the control plane that was lost and made anew is believed from
  ///     here on.
  ///   - token: of somebody who may do all that; `nil` for a login as the operator.
  /// - Returns: what was not so.
  func provision(
    _ logins: SecretsManagerLogins, token: VaultToken?, rootLife: Duration, patience: Duration
  ) async throws -> [Provisioner.Drift] {
    let policy = try policy.adding(.keys([logins.controlPlaneKey.publicPEM], ofMount: "platform"))
    guard let token else {
      return try await with(patience: patience) { try await provision(policy, rootLife: rootLife, at: $0) }
    }
    return try await withClient(patience: patience) { client in
      let vault = Vault(client, token: token)
      // Whoever else logs in there goes on to.
      let others = try await vault.keys(ofMount: "operator")
      let own = logins.operatorKey.publicPEM
      let all = others.contains(own) ? others : others + [own]
      return try await provision(policy.adding(.keys(all, ofMount: "operator")), rootLife: rootLife, at: vault)
    }
  }

  private func provision(
    _ policy: VaultPolicy, rootLife: Duration, at vault: Vault
  ) async throws -> [Provisioner.Drift] {
    let mended = try await Provisioner(vault, policy: policy).apply()
    let authorities = Authorities(vault)
    let id = TrustBundle.id(of: trustDomain)
    if let root = try await authorities.root() {
      guard try TrustAnchor(pem: root).isNamed(id) else {
        throw Fault(
          .conflict, operation: "provision the root of \(trustDomain)",
          reason: "the mount 'pki' holds the root of somebody else",
          remedy: "start with the --trust-domain of that root, or give the platform a namespace of its own")
      }
    } else {
      _ = try await authorities.makeRoot(commonName: "Lobstack root", uri: id, life: rootLife)
    }
    return mended
  }

  /// Makes the master key of an empty server in shares, unseals it and fills it with what the policy says.
  ///
  /// - Parameter shares: told the shares, secret, as soon as they are made: nothing else has them.
  func initialize(
    shares count: Int, threshold: Int, logins: SecretsManagerLogins, told: ([String]) -> Void
  ) async throws {
    let policy = try policy
    try await withClient(patience: .seconds(10)) { client in
      let made = try await client.initialize(shares: count, threshold: threshold)
      told(made.shares)
      for share in made.shares.prefix(threshold) { try await client.unseal(share: share) }
      // For a moment it is unsealed and does nothing yet.
      let deadline = ContinuousClock.now + .seconds(30)
      while try await client.health().isStandby, ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(20))
      }
      let root = Vault(client, token: made.rootToken)
      for request in policy.requests + logins.requests { try await root.write(request) }
      try await root.revokeSelf()
    }
  }

  // MARK: Keys

  /// Gives every key that encrypts another version, and wraps what is kept by it. Signing keys stay: their public halves
  /// are known outside.
  ///
  /// A run that was interrupted is completed by `rewrap`.
  package func rotateKeys(
    of layout: InstanceLayout, progress: @Sendable (String) -> Void
  ) async throws -> KeyRotation {
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
    var rotation = try await rewrap(layout, progress: progress)
    rotation.rotated = rotated.count
    return rotation
  }

  /// Wraps by the newest version of its key whatever is wrapped by an older one; what is done already is passed over.
  package func rewrap(
    _ layout: InstanceLayout, progress: @Sendable (String) -> Void
  ) async throws -> KeyRotation {
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
