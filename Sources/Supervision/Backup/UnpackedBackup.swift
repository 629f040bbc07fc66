import AgentModel
import Faults
import Files
import Foundation
import Glibc
import Storage

/// The files of a backup in a directory of root's, where nobody else goes. Nothing of them is believed before it is
/// verified.
struct UnpackedBackup: Sendable {
  let directory: String
  let manifest: BackupManifest
  /// The archive, for errors.
  private let source: String

  /// Finds what the archive brought, and verifies that it is what the manifest says, no more and no less: kinds, names,
  /// sizes, digests; then that the store is sound and known to this program, and the audit log whole.
  init(verifying directory: String, from source: String, progress: (String) -> Void) throws {
    self.directory = directory
    self.source = source
    let file = "\(directory)/\(BackupManifest.name)"
    guard let status = FileStatus(file), status.isRegular, status.size <= BackupManifest.longest,
      let bytes = FileManager.default.contents(atPath: file)
    else { throw BackupManifest.invalid(source, "it has no manifest") }
    manifest = try BackupManifest(parsing: bytes, source: source)
    try requireExactly()
    progress("verifying \(manifest.files.count) files, \(manifest.bytes.inMebibytes)")
    for expected in manifest.files {
      try Task.checkCancellation()
      let found = try digest(of: "\(directory)/\(expected.path)")
      guard found.sha256 == expected.sha256 else {
        throw BackupManifest.invalid(source, "\(expected.path) was changed")
      }
    }
    progress("verifying the store and \(manifest.audit.size) audit records")
    try verifyStore()
    try verifyLog()
  }

  private func requireExactly() throws {
    func invalid(_ reason: String) -> Fault { BackupManifest.invalid(source, reason) }
    let expected = Dictionary(uniqueKeysWithValues: manifest.files.map { ($0.path, $0.size) })
    var missing = Set(expected.keys)
    func look(_ relative: String) throws {
      for name in try FileManager.default.contentsOfDirectory(atPath: "\(directory)/\(relative)") {
        let path = relative.isEmpty ? name : "\(relative)/\(name)"
        guard path != BackupManifest.name else { continue }
        guard let status = FileStatus("\(directory)/\(path)") else { throw invalid("\(path) went away") }
        if status.isDirectory {
          try look(path)
          continue
        }
        guard status.isRegular, status.links == 1 else { throw invalid("'\(path.prefix(200))' is no plain file") }
        guard let size = expected[path] else { throw invalid("'\(path.prefix(200))' is not in its manifest") }
        guard status.size == size else { throw invalid("\(path) has \(status.size) bytes instead of \(size)") }
        missing.remove(path)
      }
    }
    try look("")
    if let path = missing.min() { throw invalid("\(path) is missing") }
  }

  private func verifyStore() throws {
    let store = try StoreCopy(reading: "\(directory)/control-plane/lobstack.sqlite")
    guard store.schema == manifest.schema, store.agents.map(\.uid) == manifest.agents.map(\.uid) else {
      throw BackupManifest.invalid(source, "its store is not the one that its manifest tells of")
    }
  }

  private func verifyLog() throws {
    let log = try AuditFile.verify(directory: auditDirectory, trustedKey: manifest.audit.verifierKey)
    if let bad = log.firstBad {
      throw BackupManifest.invalid(source, "record \(bad.index) of its audit log is not good: \(bad.reason)")
    }
    guard log.ok, log.size == manifest.audit.size, log.rootHash == manifest.audit.rootHash, log.unsealedRecords == 0
    else {
      throw BackupManifest.invalid(source, "its audit log is not the one that its manifest tells of")
    }
  }

  var auditDirectory: String { "\(directory)/control-plane/audit" }

  /// Gives every file to whom it belongs.
  func giveToOwners(of layout: InstanceLayout) throws {
    let controlPlane = try Account(named: InstanceLayout.User.controlPlane)
    let manager = Account(user: layout.vaultUserID, group: layout.vaultUserID)
    for path in try regularFiles(below: directory) where path != BackupManifest.name {
      // The log has got a record since.
      guard let place = BackupPlace(path) else { throw BackupManifest.invalid(source, "'\(path)' has no place") }
      let account: Account =
        switch place.owner {
        case .root: .root
        case .controlPlane: controlPlane
        case .secretsManager: manager
        }
      try give("\(directory)/\(path)", to: account, mode: place.mode)
      var above = URL(filePath: path).relativePath.split(separator: "/").dropLast()
      while !above.isEmpty {
        let isAgents = above.first == "node"
        try give(
          "\(directory)/\(above.joined(separator: "/"))", to: account, mode: isAgents ? 0o700 : place.directoryMode)
        above = above.dropLast()
      }
    }
  }

  private func give(_ path: String, to account: Account, mode: UInt32) throws {
    guard lchown(path, account.user, account.group) == 0, chmod(path, mode) == 0 else {
      throw Fault(
        .failed, operation: "give \(path) to its owner", reason: String(cString: strerror(errno)),
        remedy: "check the file system of the state directory")
    }
  }
}
