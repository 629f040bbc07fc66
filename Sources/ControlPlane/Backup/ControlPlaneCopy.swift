import APIModel
import AgentModel
import Faults
import Files
import Foundation
import Glibc
import Logging
import Storage

/// What the control plane keeps on its disk, copied for a backup: by its own user, whose directory root does not enter.
package struct ControlPlaneCopy: Sendable {
  private let layout: InstanceLayout

  package init(_ layout: InstanceLayout) { self.layout = layout }

  /// What was copied.
  package struct Result: Sendable, Codable {
    /// The schema's steps that the store's database has seen.
    package var schema: [String]
    package var agents: [StoreCopy.Agent]
    package var audit: AuditCopyHead
  }

  /// Copies the store, its wrapped key, the control plane's login, the audit log and the account at a public authority
  /// into an empty directory, laid out as they are. Others may write store and log meanwhile.
  ///
  /// The log comes last, so that it tells of everything that the store has.
  ///
  /// - Throws: `Fault` naming the file that cannot be copied.
  package func make(in directory: String) throws -> Result {
    func target(_ path: String) -> String { directory + path.dropFirst(layout.controlPlaneDirectory.count) }
    umask(0o077)
    try copy(layout.storeKeyFile, to: target(layout.storeKeyFile))
    try copy(layout.controlPlaneKey, to: target(layout.controlPlaneKey))
    if FileStatus(layout.publicCertificateDirectory)?.isDirectory == true {
      try copyTree(layout.publicCertificateDirectory, to: target(layout.publicCertificateDirectory))
    }
    let store = try StoreCopy.make(from: layout.database, to: target(layout.database))
    let log = target(layout.auditDirectory)
    try FileManager.default.createDirectory(atPath: log, withIntermediateDirectories: false)
    let head = try AuditFile.copy(from: layout.auditDirectory, to: log)
    return Result(schema: store.schema, agents: store.agents, audit: head)
  }

  /// Appends a record to the log of a platform that is down; that of one that runs is its control plane's alone.
  package func record(_ note: BackupNote) async throws -> BackupReceipt {
    try note.check()
    let log = try await AuditLogFile.open(
      directory: layout.auditDirectory, logger: Logger(label: "lobstack.backup") { _ in SwiftLogNoOpLogHandler() })
    let index = try await log.append(note.event(by: "root"))
    try await log.close()
    return BackupReceipt(auditIndex: index)
  }

  private func copyTree(_ source: String, to target: String) throws {
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    for name in try FileManager.default.contentsOfDirectory(atPath: source).sorted() {
      let status = FileStatus("\(source)/\(name)")
      if status?.isDirectory == true { try copyTree("\(source)/\(name)", to: "\(target)/\(name)") }
      // A challenge's file comes and goes.
      if status?.isRegular == true { try copy("\(source)/\(name)", to: "\(target)/\(name)") }
    }
  }

  private func copy(_ source: String, to target: String) throws {
    do { try FileManager.default.copyItem(atPath: source, toPath: target) } catch {
      throw Fault(
        .failed, operation: "copy \(source)", reason: "the file cannot be read or written",
        remedy: "check the disk, and that the platform was up once", cause: error)
    }
  }
}
