import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import SecretStore

extension VaultOperator {
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
    let domain = try trustDomain()
    // A key of the control plane that was lost and made anew is believed from here on.
    let key = try LoginKey(
      pem: String(contentsOfFile: layout.controlPlaneKey, encoding: .utf8), source: layout.controlPlaneKey)
    let policy = try policy().adding(.keys([key.publicPEM], ofMount: "platform"))
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
