import AgentModel
import CertificateAuthority
import Crypto
import Faults
import Files
import Foundation
import Glibc
import Logging
import SecretStore

/// The instance's own OpenBao: its keys, its certificate and its configuration, made before it starts.
struct SecretsManager: Sendable {
  let layout: InstanceLayout
  let trustDomain: TrustDomain
  /// Where the key that unseals lies.
  let sealKeyFile: String

  private static let certificateLife = Duration.seconds(825 * 86_400)
  private static let keyBytes = 32

  /// Makes what is missing, and writes what it starts from.
  ///
  /// - Parameter policy: what an empty server is filled with.
  /// - Throws: `Fault` naming a file that cannot be written, or a key that others may have read.
  func prepare(policy: VaultPolicy) throws {
    let controlPlane = try account(InstanceLayout.User.controlPlane)
    let seal = try sealKey()
    try writeAtomically(seal, to: layout.vaultSealCopy, mode: 0o400, owner: layout.vaultUserID)
    let own = try loginKey(layout.operatorKey, owner: 0, group: 0)
    let platform = try loginKey(layout.controlPlaneKey, owner: controlPlane.user, group: controlPlane.group)
    try makeCertificate()
    try writeAtomically(Data("\(trustDomain)\n".utf8), to: layout.trustDomainFile, mode: 0o644)
    let configuration = configuration(
      seal: seal, group: controlPlane.group,
      firstStart: policy.requests + [
        .keys([platform.publicPEM], ofMount: "platform"), .keys([own.publicPEM], ofMount: "operator"),
      ])
    try writeAtomically(
      Data(configuration.text.utf8), to: layout.vaultConfiguration, mode: 0o640, group: layout.vaultUserID)
  }

  private func configuration(
    seal: Data, group: gid_t, firstStart: [ProvisioningRequest]
  ) -> OpenBaoConfiguration {
    // The id only has to differ from another key's; it tells nothing of the key.
    let id = SHA256.hash(data: seal).prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    return OpenBaoConfiguration(
      clusterName: "lobstack-\(layout.instance)", nodeName: "\(layout.instance)", address: layout.vaultAddress,
      dataDirectory: layout.vaultDataDirectory, socket: layout.vaultSocket, socketUser: layout.vaultUserID,
      socketGroup: group, certificate: layout.vaultCertificate, key: layout.vaultCertificateKey,
      seal: .file(layout.vaultSealCopy, id: id), auditFiles: [layout.vaultAudit, layout.vaultRecentAudit],
      firstStart: firstStart)
  }

  /// The key that unseals, 32 random bytes of root's. One that the operator named is his to make.
  private func sealKey() throws -> Data {
    if let present = try ownFile(sealKeyFile, owner: 0) {
      guard present.count == Self.keyBytes else {
        throw Fault(
          .invalid, operation: "read \(sealKeyFile)", reason: "it has not \(Self.keyBytes) bytes",
          remedy: "restore it from a backup: nothing else opens the secrets")
      }
      return present
    }
    guard sealKeyFile == layout.vaultSealKey else {
      throw Fault(
        .notFound, operation: "read \(sealKeyFile)", reason: "there is no such file",
        remedy: "make it with 'umask 077; head -c 32 /dev/urandom >\(sealKeyFile)', or restore it from a backup")
    }
    let store = "\(layout.vaultDataDirectory)/vault.db"
    guard !FileManager.default.fileExists(atPath: store) else {
      throw Fault(
        .invalid, operation: "unseal the secrets manager",
        reason: "\(layout.vaultSealKey) is gone, and \(store) is there",
        remedy:
          "name it with --seal-key, or restore it; else remove \(layout.vaultDirectory) and set all secrets again"
      )
    }
    let key = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) }
    try writeAtomically(key, to: layout.vaultSealKey, mode: 0o400)
    return key
  }

  private func loginKey(_ path: String, owner: uid_t, group: gid_t) throws -> LoginKey {
    if let present = try ownFile(path, owner: owner) {
      return try LoginKey(pem: String(decoding: present, as: UTF8.self), source: path)
    }
    let key = LoginKey()
    try writeAtomically(Data(key.secretPEM.utf8), to: path, mode: 0o600, owner: owner, group: group)
    return key
  }

  /// A file that nobody but its owner may read; `nil` when it is not there.
  private func ownFile(_ path: String, owner: uid_t) throws -> Data? {
    let file = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      throw Fault(
        .failed, operation: "read \(path)", reason: String(cString: strerror(errno)), remedy: "mend the file")
    }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == owner,
      status.st_mode & 0o077 == 0
    else {
      throw Fault(
        .denied, operation: "read \(path)", reason: "others than its owner, uid \(owner), may read it",
        remedy: "find out who read it; if nobody did, give it to uid \(owner) with mode 0600")
    }
    return try handle.read(upToCount: 4096) ?? Data()
  }

  private func makeCertificate() throws {
    let names = [layout.vaultAddress, "127.0.0.1", "localhost"].compactMap { ServerName($0) }
    let server = try StandaloneServer(
      names: names, issuerName: "Secrets manager of \(layout.instance)", life: Self.certificateLife, at: Date())
    try writeAtomically(
      Data(server.secretKeyPEM.utf8), to: layout.vaultCertificateKey, mode: 0o400, owner: layout.vaultUserID)
    try writeAtomically(Data(server.chain.utf8), to: layout.vaultCertificate, mode: 0o444)
    try writeAtomically(Data(server.issuer.utf8), to: layout.vaultAuthority, mode: 0o444)
  }

  private func account(_ name: String) throws -> (user: uid_t, group: gid_t) {
    guard let entry = getpwnam(name) else {
      throw Fault(
        .notFound, operation: "look up user \(name)", reason: "the system has no such user",
        remedy: "run scripts/setup")
    }
    return (entry.pointee.pw_uid, entry.pointee.pw_gid)
  }
}

extension Platform {
  private static let patience = Duration.seconds(30)

  var secretsManager: SecretsManager {
    SecretsManager(
      layout: layout, trustDomain: configuration.trustDomain,
      sealKeyFile: configuration.sealKey ?? Self.credential ?? layout.vaultSealKey)
  }

  /// What systemd hands over as `LoadCredential=lobstack-seal-key:…` (systemd.exec(5), "Credentials").
  private static var credential: String? {
    guard let directory = ProcessInfo.processInfo.environment["CREDENTIALS_DIRECTORY"] else { return nil }
    let path = "\(directory)/lobstack-seal-key"
    return access(path, F_OK) == 0 ? path : nil
  }

  private var vaultPolicy: VaultPolicy {
    get throws {
      try VaultPolicy.load(directory: "\(layout.policyDirectory)/vault", trustDomain: configuration.trustDomain)
    }
  }

  func prepareSecretsManager() throws { try secretsManager.prepare(policy: try vaultPolicy) }

  /// Waits until the secrets manager is unsealed, and mends what is not as the policy says.
  ///
  /// - Throws: `Fault` when it does not come, or refuses; the platform without it starts no agent that needs it.
  func provision() async throws {
    let manager = VaultOperator(layout: layout, logger: logger)
    try await manager.withClient(patience: Self.patience) { try await waitUntilUnsealed($0) }
    for drift in try await manager.provision(rootLife: Self.rootLife, patience: Self.patience) {
      logger.warning("The secrets manager was not as the policy says", metadata: ["drift": "\(drift)"])
    }
  }

  private static let rootLife = Duration.seconds(3650 * 86_400)

  private func waitUntilUnsealed(_ client: VaultClient) async throws {
    let deadline = ContinuousClock.now + Self.patience
    while true {
      var reason = ""
      do {
        let health = try await client.health()
        if health.isReady { return }
        reason = health.isInitialized ? "it is sealed" : "it is not initialised"
      } catch let fault as Fault {
        // It takes connections before it answers them: at a first start, until it is filled.
        reason = fault.reason
      }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .unavailable, operation: "start the secrets manager", reason: reason,
          remedy: "see \(layout.logDirectory)/vault.log")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }
}
