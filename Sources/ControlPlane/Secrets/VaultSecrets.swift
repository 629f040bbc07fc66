import APIModel
import AgentModel
import CertificateAuthority
import Faults
import Files
import Foundation
import Logging
import SecretStore
import Storage
import Synchronization
import Turns

/// The secrets manager as the control plane uses it: it keeps secrets that it cannot read, and says who agents are.
final class VaultSecrets: SecretKeeping, CheckpointSigning {
  private let client: VaultClient
  private let vault: Vault
  private let agents: VaultAgents
  private let authority: Authority
  private let policy: VaultPolicy
  private let readings: SecretReadings
  private let believed = Mutex<(keys: [String], at: ContinuousClock.Instant?)>(([], nil))
  /// How long the secrets manager counts as knowing the keys: a snapshot that is restored knows others.
  private static let beliefLife = Duration.seconds(60)
  private let turn = Turn()
  private let drift = Mutex(KnownDrift())

  private struct KnownDrift {
    var asked: ContinuousClock.Instant?
    var found: [Provisioner.Drift] = []
  }

  /// How long the word of what differs counts before it is asked again: a question for each part of the policy.
  private static let driftLife = Duration.seconds(30)
  /// Secrets that are looked up at the same time.
  private static let lookUps = 16

  /// - Parameters:
  ///   - key: says who the control plane is, in its own file.
  ///   - policy: `policy/vault`, to tell what differs from it.
  ///   - readings: of secrets, by the secrets manager's word.
  init(client: VaultClient, key: LoginKey, authority: Authority, policy: VaultPolicy, readings: SecretReadings) {
    self.client = client
    self.authority = authority
    self.policy = policy
    self.readings = readings
    vault = Vault(client, as: .controlPlane, key: key, in: authority.trustDomain)
    agents = VaultAgents(vault, domain: authority.trustDomain)
  }

  /// The root of the trust domain.
  var root: VaultRoot { VaultRoot(authorities: Authorities(vault), domain: authority.trustDomain) }

  func close() async throws { try await client.shutdown() }

  var index: VaultIndex? { client.index }

  // MARK: Keys

  /// The key of the store's sensitive columns, unwrapped; made when there is none.
  ///
  /// - Parameter file: where it lies, wrapped by Transit's `agent-data`.
  func storeKey(file: String) async throws -> StoreKey {
    let transit = Transit(vault)
    guard let data = FileManager.default.contents(atPath: file) else {
      let (key, wrapped) = try await transit.dataKey(Self.dataKey)
      try writeAtomically(Data(wrapped.utf8), to: file, mode: 0o600)
      return StoreKey(key)
    }
    guard let key = try await transit.decrypt([String(decoding: data, as: UTF8.self)], key: Self.dataKey).first else {
      throw Fault(
        .failed, operation: "unwrap \(file)", reason: "the answer is empty",
        remedy: "check the version of the secrets manager")
    }
    return StoreKey(key)
  }

  private static let dataKey = "agent-data"
  private static let auditKey = "audit"

  func sign(checkpoint text: String) async throws -> (publicKey: [UInt8], signature: [UInt8]) {
    let transit = Transit(vault)
    let (signature, version) = try await transit.sign(Array(text.utf8), key: Self.auditKey)
    guard let key = try await transit.key(Self.auditKey)?.publicKeys["\(version)"],
      let publicKey = Data(base64Encoded: key)
    else {
      throw Fault(
        .failed, operation: "sign a checkpoint", reason: "the public key of '\(Self.auditKey)' is not told",
        remedy: "see 'lobstack vault status'")
    }
    return (Array(publicKey), signature)
  }

  // MARK: Secrets

  func set(_ reference: SecretReference, to value: SecretValue, ifCurrent current: Int?) async throws -> Int {
    try await KeyValue(vault).write(reference.path, value, ifCurrent: current)
  }

  func delete(_ reference: SecretReference) async throws {
    guard try await exists(reference) else {
      throw Fault(
        .notFound, operation: "delete secret \(reference)", reason: "there is no such secret",
        remedy: "list them with 'lobstack secret list'")
    }
    try await KeyValue(vault).destroy(reference.path)
  }

  func own(_ id: AgentID) async throws -> [SecretReference] {
    try await agents.secrets(of: id).map { SecretReference(tenant: id.tenant, agent: id.name, name: $0) }
  }

  func exists(_ reference: SecretReference) async throws -> Bool {
    try await KeyValue(vault).metadata(reference.path)?.deletedTime.isEmpty == true
  }

  func list() async throws -> [SecretResource] {
    let store = KeyValue(vault)
    var references: [SecretReference] = []
    for name in try await names("tenant") {
      guard let tenant = TenantName(name) else { continue }
      references += try await store.list("\(SecretReference.root)/tenant/\(tenant)").compactMap { SecretName($0) }
        .map { SecretReference(tenant: tenant, agent: nil, name: $0) }
    }
    for name in try await names("agent") {
      guard let id = AgentID(vaultName: name) else { continue }
      references += try await own(id)
    }
    return try await describe(references)
  }

  /// The tenants or agents that have secrets.
  private func names(_ kind: String) async throws -> [String] {
    try await KeyValue(vault).list("\(SecretReference.root)/\(kind)").filter { $0.hasSuffix("/") }.map {
      String($0.dropLast())
    }
  }

  private func describe(_ references: [SecretReference]) async throws -> [SecretResource] {
    let store = KeyValue(vault)
    let readings = readings.last()
    var secrets: [SecretResource] = []
    try await withThrowingTaskGroup(of: SecretResource?.self) { group in
      for (number, reference) in references.enumerated() {
        if number >= Self.lookUps, let found = try await group.next() ?? nil { secrets.append(found) }
        group.addTask {
          guard let found = try await store.metadata(reference.path), found.deletedTime.isEmpty else { return nil }
          return SecretResource(
            reference, version: found.currentVersion, updatedAt: try rfc3339(found.updatedTime),
            lastReadAt: readings[reference.path])
        }
      }
      for try await case let found? in group { secrets.append(found) }
    }
    return secrets.sorted { $0.reference.description < $1.reference.description }
  }

  // MARK: Agents

  func enable(_ id: AgentID, uid: AgentUID) async throws { try await agents.enable(id, uid: uid) }

  func disable(_ id: AgentID, uid: AgentUID) async throws { try await agents.disable(id, uid: uid) }

  func destroy(_ id: AgentID, uid: AgentUID) async throws -> [SecretReference] {
    try await agents.destroy(id, uid: uid).map { SecretReference(tenant: id.tenant, agent: id.name, name: $0) }
  }

  func token(for id: AgentID) async throws -> SecretValue {
    try await turn.take { [self] in
      let keys = authority.bundle.tokenKeyPEMs
      let known = believed.withLock { $0 }
      if known.keys == keys, let at = known.at, ContinuousClock.now - at < Self.beliefLife { return }
      try await agents.believe(keys: keys)
      believed.withLock { $0 = (keys, .now) }
    }
    let token = try authority.issueJWTSVID(
      for: .agent(id, in: authority.trustDomain), audience: [VaultAgents.audience], at: Date())
    return SecretValue(token.secretToken.utf8)
  }

  // MARK: State

  func requireReady(operation: String) async throws { _ = try await readyHealth(operation: operation) }

  private func readyHealth(operation: String) async throws -> VaultHealth {
    let health: VaultHealth
    do { health = try await client.health() } catch {
      throw Fault(
        .unavailable, operation: operation, reason: "the secrets manager is unreachable",
        remedy: "see 'lobstack vault status' and the log of the secrets manager", cause: error)
    }
    guard health.isReady else {
      throw Fault(
        .unavailable, operation: operation,
        reason: "the secrets manager is \(health.isInitialized ? "sealed" : "not initialised")",
        remedy: health.isInitialized ? "unseal it with 'lobstack vault unseal'" : "see 'lobstack vault status'")
    }
    return health
  }

  func isSealed() async throws -> Bool { try await !client.health().isReady }

  func component() async -> PlatformStatus.Component {
    func component(_ state: String, _ detail: String) -> PlatformStatus.Component {
      PlatformStatus.Component(name: "vault", state: state, detail: detail)
    }
    do {
      let health = try await readyHealth(operation: "use the secrets manager")
      let drift = try await knownDrift()
      let place = "OpenBao \(health.version) at \(client.address)"
      guard let first = drift.first else { return component("ready", "\(place), as policy/vault says") }
      return component(
        "degraded", "\(place), but \(drift.count) parts are not as policy/vault says; the first: \(first)")
    } catch {
      let fault = Fault.wrap(error, operation: "use the secrets manager", remedy: "see the log of the secrets manager")
      return component("down", "\(fault.reason); \(fault.remedy)")
    }
  }

  private func knownDrift() async throws -> [Provisioner.Drift] {
    let known = drift.withLock { $0 }
    if let asked = known.asked, ContinuousClock.now - asked < Self.driftLife { return known.found }
    let found = try await Provisioner(vault, policy: policy).drift()
    drift.withLock { $0 = KnownDrift(asked: .now, found: found) }
    return found
  }
}

/// A time of Vault's API, which has fractions of a second down to nanoseconds.
func rfc3339(_ text: String) throws -> Date {
  let whole = text.split(separator: ".").first.map { $0.hasSuffix("Z") ? String($0) : "\($0)Z" } ?? text
  do { return try Date(whole, strategy: .iso8601) } catch {
    throw Fault(
      .failed, operation: "read a time of the secrets manager", reason: "'\(text.prefix(40))' is no RFC 3339 time",
      remedy: "check the version of the secrets manager")
  }
}
