import AgentModel
import Crypto
import Faults
import Files
import Foundation
import Glibc

/// Secrets on this machine's disk, each sealed with AES-256-GCM under one key that root alone reads.
///
/// A secret's file is bound to its name: moved to another's place, it does not open.
package struct SealedSecrets: Sendable {
  private static let mostSecrets = 10_000
  private static let keyBytes = 32
  private let directory: String
  private let key: SymmetricKey

  /// What is sealed.
  private struct Content: Codable {
    var value: [UInt8]
    var version: Int
    var updatedAt: Int64
  }

  /// Opens the store; a directory and a key that are not there are made.
  ///
  /// - Throws: `Fault(.invalid)` for a key that others can read or that has not 32 bytes.
  package static func open(directory: String) throws -> SealedSecrets {
    do {
      try FileManager.default.createDirectory(
        atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw Fault(
        .failed, operation: "create \(directory)", reason: "the directory cannot be made",
        remedy: "mend the file system", cause: error)
    }
    return SealedSecrets(directory: directory, key: try key(at: "\(directory)/key"))
  }

  private static func key(at path: String) throws -> SymmetricKey {
    let operation = "read the key of the secrets, \(path)"
    var status = stat()
    if stat(path, &status) != 0 {
      guard errno == ENOENT, try secretFiles(in: path).isEmpty else {
        throw Fault(
          .invalid, operation: operation, reason: "the key is gone, and secrets that it sealed are there",
          remedy: "restore the key from a backup, or remove the directory and set the secrets again")
      }
      let key = SymmetricKey(size: .bits256)
      try writeAtomically(key.withUnsafeBytes { Data($0) }, to: path, mode: 0o400)
      return key
    }
    guard status.st_mode & 0o077 == 0, status.st_uid == geteuid() else {
      throw Fault(
        .invalid, operation: operation, reason: "others than its owner may read it",
        remedy: "set the secrets again under a new key: others may know this one")
    }
    guard let data = FileManager.default.contents(atPath: path), data.count == keyBytes else {
      throw Fault(
        .invalid, operation: operation, reason: "it has not \(keyBytes) bytes", remedy: "restore it from a backup")
    }
    return SymmetricKey(data: data)
  }

  private static func secretFiles(in keyPath: String) throws -> [String] {
    let directory = URL(filePath: keyPath).deletingLastPathComponent().path
    return (try FileManager.default.contentsOfDirectory(atPath: directory)).filter { $0.hasSuffix(suffix) }
  }

  private static let suffix = ".sealed"

  /// Stores a value; one that is there gets another version.
  ///
  /// - Throws: `Fault(.exhausted)` when there are too many; `Fault` when the file cannot be written.
  package func set(_ reference: SecretReference, to value: SecretValue, at time: Date) throws {
    let before = try read(reference)
    if before == nil, try list().count >= Self.mostSecrets {
      throw Fault(
        .exhausted, operation: "set secret \(reference)", reason: "there are \(Self.mostSecrets) secrets already",
        remedy: "delete secrets that nobody uses")
    }
    let content = Content(
      value: value.bytes, version: (before?.version ?? 0) + 1, updatedAt: Int64(time.timeIntervalSince1970))
    let sealed = try AES.GCM.seal(
      try JSONEncoder().encode(content), using: key, authenticating: Data(reference.description.utf8))
    guard let bytes = sealed.combined else {
      throw Fault(
        .failed, operation: "set secret \(reference)", reason: "it cannot be sealed", remedy: "report this as a bug")
    }
    try writeAtomically(bytes, to: path(reference), mode: 0o600)
  }

  /// The value that an agent gets: its own, else its tenant's; `nil` when there is none.
  package func value(of name: SecretName, for agent: AgentID) throws -> (
    reference: SecretReference, value: SecretValue
  )? {
    for scope in [agent.name, nil] {
      let reference = SecretReference(tenant: agent.tenant, agent: scope, name: name)
      if let content = try read(reference) { return (reference, SecretValue(content.value)) }
    }
    return nil
  }

  /// - Returns: whether there was one.
  package func delete(_ reference: SecretReference) throws -> Bool {
    guard unlink(path(reference)) != 0 else { return true }
    guard errno == ENOENT else { throw Self.fault("delete secret \(reference)") }
    return false
  }

  /// Every secret, without its value.
  package func list() throws -> [SecretDescription] {
    let files: [String]
    do { files = try FileManager.default.contentsOfDirectory(atPath: directory) } catch {
      throw Fault(
        .failed, operation: "list the secrets", reason: "\(directory) cannot be read", remedy: "restart the node",
        cause: error)
    }
    return try files.filter { $0.hasSuffix(Self.suffix) }.sorted().compactMap { file in
      guard let reference = Self.reference(file: file), let content = try read(reference) else { return nil }
      return SecretDescription(reference: reference, version: content.version, updatedAt: content.updatedAt)
    }
  }

  private func read(_ reference: SecretReference) throws -> Content? {
    guard let sealed = FileManager.default.contents(atPath: path(reference)) else { return nil }
    do {
      let bytes = try AES.GCM.open(
        try AES.GCM.SealedBox(combined: sealed), using: key, authenticating: Data(reference.description.utf8))
      return try JSONDecoder().decode(Content.self, from: bytes)
    } catch {
      throw Fault(
        .invalid, operation: "read secret \(reference)", reason: "its file was not sealed under this key and name",
        remedy: "set the secret again")
    }
  }

  // Names are DNS labels, which have no '_': the parts of a file's name cannot run together.
  private func path(_ reference: SecretReference) -> String {
    "\(directory)/\(reference.tenant)_\(reference.agent?.description ?? "")_\(reference.name)\(Self.suffix)"
  }

  private static func reference(file: String) -> SecretReference? {
    let parts = file.dropLast(suffix.count).split(separator: "_", omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 3, let tenant = TenantName(parts[0]), let name = SecretName(parts[2]) else { return nil }
    return SecretReference(tenant: tenant, agent: AgentName(parts[1]), name: name)
  }

  private static func fault(_ operation: String) -> Fault {
    Fault(
      .failed, operation: operation, reason: String(cString: strerror(errno)), remedy: "free disk space or restart")
  }
}
