import ArgumentParser
import Storage
import Supervision

struct BackupVerifyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Open a backup and check all of it, in memory; nothing is written.",
    discussion: "Does not start the secrets manager: that its snapshot opens by its key shows when it is restored.")

  @OptionGroup var opening: BackupOpening
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let backup = try await opening.backup()
    let manifest = try await untilInterrupted { try await Platform.verify(backup) { tell($0) } }
    try format.print(manifest) {
      """
      good: backup \(manifest.id) of instance \(manifest.instance) in \(manifest.stateDirectory)
      made: \(manifest.createdAt.short) UTC by version \(manifest.version)
      holds: \(manifest.files.count) files, \(manifest.audit.size) audit records, root \(manifest.audit.rootHash)
      agents: \(manifest.agents.count), \(manifest.workspaces) of them with their workspace
      """ + manifest.gaps.map { "\nnote: \($0)" }.joined()
    }
  }
}
