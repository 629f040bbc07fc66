import AgentModel
import CertificateAuthority
import Crypto
import Faults
import Files
import Foundation
import Glibc
import SecretStore
import TextEncodings

/// The instance's own OpenBao: its keys, its certificate and its configuration, made before it starts.
struct OwnSecretsManager: Sendable {
  let layout: InstanceLayout
  let unsealing: SecretsManagerChoice.Unsealing

  private static let certificateLife = Duration.seconds(825 * 86_400)

  /// Makes what is missing, and writes what it starts from.
  ///
  /// - Parameters:
  ///   - policy: what an empty server is filled with, when it unseals itself; else `vault init` does it.
  ///   - logins: by whom it may be used from the first moment on.
  /// - Throws: `Fault` naming a file that cannot be written, or a key that others may have read.
  func prepare(policy: VaultPolicy, logins: SecretsManagerLogins) throws {
    let controlPlane = try Account(named: InstanceLayout.User.controlPlane)
    let seal = try seal()
    try makeCertificate()
    let configuration = OpenBaoConfiguration(
      clusterName: "lobstack-\(layout.instance)", nodeName: "\(layout.instance)", address: layout.vaultAddress,
      dataDirectory: layout.vaultDataDirectory, socket: layout.vaultSocket, socketUser: layout.vaultUserID,
      socketGroup: controlPlane.group, certificate: layout.vaultCertificate, key: layout.vaultCertificateKey,
      seal: seal, auditFiles: [layout.vaultAudit, layout.vaultRecentAudit],
      firstStart: policy.requests + logins.requests)
    try writeAtomically(
      Data(configuration.text.utf8), to: layout.vaultConfiguration, mode: 0o640, group: layout.vaultUserID)
  }

  // MARK: Unsealing

  private var isFilled: Bool { FileManager.default.fileExists(atPath: store) }
  private var store: String { "\(layout.vaultDataDirectory)/vault.db" }

  /// How it is unsealed, which is decided once, at its first start.
  private func seal() throws -> OpenBaoConfiguration.Seal {
    let isMarked = FileManager.default.fileExists(atPath: layout.vaultSharesMark)
    switch unsealing {
    case .file(let named):
      if isMarked {
        guard let named else { return .shamir }
        throw contradiction("shares of people unseal it", remedy: "leave out --seal-key \(named)")
      }
      return try keyFile(named)
    case .shares:
      // Without a key a store can only be one that people unseal, whose mark was lost.
      guard isMarked || !isFilled || !FileManager.default.fileExists(atPath: layout.vaultSealKey) else {
        throw contradiction(
          "the key in a file unseals it",
          remedy: "leave out --unseal shares; only a new instance can be unsealed by shares")
      }
      try writeAtomically(Data(), to: layout.vaultSharesMark, mode: 0o400)
      return .shamir
    }
  }

  private func contradiction(_ reason: String, remedy: String) -> Fault {
    Fault(.conflict, operation: "unseal the secrets manager", reason: "since its first start \(reason)", remedy: remedy)
  }

  private func keyFile(_ named: String?) throws -> OpenBaoConfiguration.Seal {
    let seal = try sealKey(named ?? layout.vaultSealKey)
    try writeAtomically(seal.bytes, to: layout.vaultSealCopy, mode: 0o400, owner: layout.vaultUserID)
    return .file(layout.vaultSealCopy, id: seal.id)
  }

  /// The key that unseals, root's. One that the operator named is his to make.
  private func sealKey(_ file: String) throws -> SealKey {
    if let present = try SealKey(file: file) { return present }
    guard file == layout.vaultSealKey else {
      throw Fault(
        .notFound, operation: "read \(file)", reason: "there is no such file",
        remedy: "make it with 'umask 077; head -c 32 /dev/urandom >\(file)', or restore it from a backup")
    }
    guard !isFilled else {
      throw Fault(
        .invalid, operation: "unseal the secrets manager",
        reason: "\(layout.vaultSealKey) is gone, and \(store) is there",
        remedy:
          "name it with --seal-key, or restore it, or give --unseal shares if people unseal it; else remove \(layout.vaultDirectory) and set all secrets again"
      )
    }
    let key = SealKey()
    try writeAtomically(key.bytes, to: file, mode: 0o400)
    return key
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
}

/// The key of OpenBao's static seal: 32 random bytes.
struct SealKey: Sendable {
  /// Secret.
  let bytes: Data

  private static let count = 32

  init() { bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0) } }

  /// - Returns: `nil` when there is no such file.
  /// - Throws: `Fault` for a file that others may read, or that holds no key.
  init?(file: String) throws {
    guard let present = try readOwnFile(file, owner: 0) else { return nil }
    guard present.count == Self.count else {
      throw Fault(
        .invalid, operation: "read \(file)", reason: "it has not \(Self.count) bytes",
        remedy: "restore it from a backup: nothing else opens the secrets")
    }
    bytes = present
  }

  /// Only has to differ from another key's; it tells nothing of the key.
  var id: String { Hexadecimal.encode(SHA256.hash(data: bytes).prefix(8)) }
}
