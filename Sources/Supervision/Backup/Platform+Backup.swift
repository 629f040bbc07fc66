import AgentModel
import Faults
import Files
import Foundation

/// A backup that was made.
package struct BackupReport: Hashable, Sendable, Codable {
  package var id: String
  package var file: String
  /// Of the encrypted file, in bytes.
  package var size: Int
  /// Of the encrypted file, hexadecimal; the audit log has it too.
  package var sha256: String
  package var recipients: [String]
  package var agents: [BackupManifest.Agent]
  /// What is not in it.
  package var gaps: [String]
}

extension Platform {
  /// Writes everything that the instance cannot make anew into one file, encrypted for the recipients. Works while the
  /// platform runs, and while it is down.
  ///
  /// The order makes the parts fit: what agents are known by is older than the store that names them, and the audit log
  /// is younger than both.
  ///
  /// - Parameters:
  ///   - withWorkspaces: also those of agents that do not run; of others a copy would not be whole.
  ///   - progress: told each step, one line.
  /// - Throws: `Fault` naming what cannot be read, written or recorded; there is no file then.
  package func backUp(
    to output: String, for recipients: BackupRecipients, withWorkspaces: Bool,
    progress: @escaping @Sendable (String) -> Void
  ) async throws -> BackupReport {
    try requireRoot("back up the platform")
    guard FileStatus(layout.root)?.isDirectory == true, FileStatus(layout.database) != nil else {
      throw Fault(
        .notFound, operation: "back up instance \(layout.instance)", reason: "there is none in \(layout.root)",
        remedy: "check --state-dir and --instance")
    }
    guard FileStatus(output) == nil else {
      throw Fault(
        .alreadyExists, operation: "write \(output)", reason: "there is such a file", remedy: "name another one")
    }
    let directory = URL(filePath: output).deletingLastPathComponent().path
    guard FileStatus(following: directory)?.isDirectory == true else {
      throw Fault(
        .notFound, operation: "write \(output)", reason: "there is no directory \(directory)",
        remedy: "make it, or name another file")
    }
    try await recipients.check()
    guard let own = try SupervisorLock.take("\(layout.runDirectory)/backup.lock") else {
      throw Fault(
        .conflict, operation: "back up instance \(layout.instance)", reason: "it is being backed up already",
        remedy: "wait until that is done")
    }
    // Held to the end: the platform does not come up while its files are read.
    let down = try SupervisorLock.take(layout)
    defer { withExtendedLifetime((own, down)) {} }
    let making = BackupMaking(platform: self, isRunning: down == nil, progress: progress)
    return try await making.run(to: output, for: recipients, withWorkspaces: withWorkspaces)
  }
}

extension InstanceLayout {
  /// What a backup copies lies there while it is made.
  var backupDirectory: String { "\(root)/backup" }
}
