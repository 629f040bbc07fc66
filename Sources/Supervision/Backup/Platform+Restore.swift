import APIModel
import AgentModel
import AuditLog
import ChildProcess
import Faults
import Files
import Foundation
import Glibc
import Storage

/// What a restore brought.
package struct RestoreReport: Hashable, Sendable, Codable {
  /// The backup's.
  package var id: String
  package var createdAt: Date
  package var instance: String
  package var directory: String
  package var trustDomain: String
  /// The command line of the platform that was backed up.
  package var arguments: [String]
  package var agents: [BackupManifest.Agent]
  /// What was not in the backup.
  package var gaps: [String]
}

extension Platform {
  /// Puts a backup in place of nothing: the instance's directory must be empty or missing. It is whole or not at all; one
  /// that is cut off is not started, and the next restore begins again.
  ///
  /// - Throws: `Fault` naming what is in the way, or what is wrong with the backup; there is nothing then.
  package func restore(_ backup: BackupFile, progress: @escaping @Sendable (String) -> Void) async throws
    -> RestoreReport
  {
    try requireRoot("restore the platform")
    try await requireNothingThere()
    let (sha256, size) = try backup.requireDigest(progress: progress)
    let stateDirectory = URL(filePath: layout.root).deletingLastPathComponent().path
    let isNewDirectory = FileStatus(stateDirectory) == nil
    try Preparation.makeLockDirectory(layout)
    guard let lock = try SupervisorLock.take(layout) else { throw inUse("its supervisor runs") }
    defer { withExtendedLifetime(lock) {} }
    let result = await Result {
      try Preparation.makeDirectory(layout.restoreDirectory, mode: 0o700)
      try requireRoom(for: size)
      progress("decrypting")
      let directory = "\(layout.restoreDirectory)/unpacked"
      try await BackupArchive(path: backup.path).unpack(into: directory, identity: backup.identity)
      let unpacked = try UnpackedBackup(verifying: directory, from: backup.path, progress: progress)
      try requireSamePlace(unpacked.manifest)
      try await record(unpacked, sha256: sha256)
      try unpacked.giveToOwners(of: layout)
      try await put(unpacked, progress: progress)
      return report(unpacked.manifest)
    }
    if case .failure = result {
      try await shielded { try await removeAttempt() }
      // Not empty, when it has other instances.
      if isNewDirectory { rmdir(stateDirectory) }
    }
    return try result.get()
  }

  // MARK: What is in the way

  private func requireNothingThere() async throws {
    if let holder = SupervisorLock.holder(layout) { throw inUse("process \(holder) runs it, or restores it") }
    // One that was cut off; no platform starts beside it.
    if FileStatus(layout.restoreDirectory) != nil { try await removeAttempt() }
    let left = try await Leftovers(layout).find().filter { $0 != "directory \(layout.root)" }
    guard left.isEmpty else { throw inUse("of it there are \(left.prefix(3).joined(separator: ", "))") }
    // A directory that is not there holds nothing.
    let found = (try? FileManager.default.contentsOfDirectory(atPath: layout.root)) ?? []
    guard found.isEmpty else { throw inUse("\(layout.root) holds \(found.sorted().prefix(3).joined(separator: ", "))") }
  }

  private func inUse(_ reason: String) -> Fault {
    Fault(
      .conflict, operation: "restore instance \(layout.instance)", reason: "there is one: \(reason)",
      remedy: "back it up and remove it with 'lobstack down --purge', or name another --state-dir")
  }

  private func removeAttempt() async throws { try await Removal(layout: layout, logger: logger).run() }

  private func requireRoom(for size: Int) throws {
    var status = statvfs()
    guard statvfs(layout.root, &status) == 0 else { return }
    let free = Int(status.f_bavail) * Int(status.f_frsize)
    guard free > size + size / 8 else {
      throw Fault(
        .exhausted, operation: "restore into \(layout.root)",
        reason: "\(free.inMebibytes) are free, and it needs \(size.inMebibytes)",
        remedy: "free disk space, or choose another --state-dir")
    }
  }

  /// What is kept names its own place: OpenBao its audit logs, agents the names and numbers that follow from the
  /// instance's.
  private func requireSamePlace(_ manifest: BackupManifest) throws {
    let stateDirectory = URL(filePath: layout.root).deletingLastPathComponent().path
    guard manifest.instance == "\(layout.instance)", manifest.stateDirectory == stateDirectory else {
      throw Fault(
        .conflict, operation: "restore instance \(layout.instance) in \(stateDirectory)",
        reason:
          "the backup is of instance \(manifest.instance) in \(manifest.stateDirectory), and its secrets manager refuses another place",
        remedy:
          "give --instance \(manifest.instance) --state-dir \(manifest.stateDirectory), on this machine or another")
    }
  }

  // MARK: Putting it in place

  /// The restored log goes on, and this is the first that it tells.
  private func record(_ unpacked: UnpackedBackup, sha256: String) async throws {
    let manifest = unpacked.manifest
    let log = try await AuditFile.open(directory: unpacked.auditDirectory)
    _ = try await log.append(
      AuditRecord(
        at: .now, actor: "root", action: "backup.restore", target: "backup \(manifest.id)",
        outcome: "allowed",
        details: [
          "sha256": sha256, "made": APIJSON.text(manifest.createdAt), "by.version": manifest.version,
          "agents": "\(manifest.agents.count)", "workspaces": "\(manifest.workspaces)",
        ]))
    try await log.close()
  }

  private func put(_ unpacked: UnpackedBackup, progress: @escaping @Sendable (String) -> Void) async throws {
    let directory = unpacked.directory
    for name in ["control-plane", "keys", "policy", "vault", "node"] where FileStatus("\(directory)/\(name)") != nil {
      guard rename("\(directory)/\(name)", "\(layout.root)/\(name)") == 0 else {
        throw Fault(
          .failed, operation: "put \(name) in place", reason: String(cString: strerror(errno)),
          remedy: "mend the file system of the state directory")
      }
    }
    if unpacked.manifest.secretsManager == .snapshot {
      try await fillSecretsManager(unpacked, progress: progress)
    }
    progress("putting it in place")
    try await Command("sync", ["--file-system", layout.root]).check(timeout: .seconds(600))
    // From here on it is an instance as any other.
    try FileManager.default.removeItem(atPath: layout.restoreDirectory)
  }

  private func report(_ manifest: BackupManifest) -> RestoreReport {
    RestoreReport(
      id: manifest.id, createdAt: manifest.createdAt, instance: manifest.instance, directory: layout.root,
      trustDomain: manifest.trustDomain, arguments: manifest.arguments, agents: manifest.agents, gaps: manifest.gaps)
  }
}

extension InstanceLayout {
  /// There only while a restore is under way, or was cut off: what lies beside it is no instance yet.
  var restoreDirectory: String { "\(root)/restoring" }
}
