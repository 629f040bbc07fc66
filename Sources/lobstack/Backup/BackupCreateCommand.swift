import AgentModel
import ArgumentParser
import Faults
import Foundation
import Supervision

struct BackupCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a backup (what 'lobstack backup' does without a subcommand).",
    discussion: """
      Store, audit log, secrets manager, keys and policy, encrypted by age for the recipients: this machine cannot read \
      its own backups. Works while the platform runs, and while it is down.

        age-keygen -o backup.key                        # elsewhere; its public key is the recipient
        lobstack backup --recipient age1… /backup/lobstack.age
      """)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var format: OutputOptions

  @Option(
    help: ArgumentHelp(
      "A public key of age or SSH that the backup is encrypted for; repeat for several.", valueName: "key"))
  var recipient: [String] = []

  @Option(
    help: ArgumentHelp("A file of such keys, one a line; repeat for several.", valueName: "file"), completion: .file())
  var recipientsFile: [String] = []

  @Flag(help: "Also the workspaces of the agents that do not run.")
  var withWorkspaces = false

  @Argument(help: "File to write; it must not exist.", completion: .file())
  var file: String

  mutating func validate() throws {
    guard recipient.isEmpty, recipientsFile.isEmpty else { return }
    throw ValidationError("name who can open it: --recipient or --recipients-file, with public keys of age")
  }

  func run() async throws {
    let platform = Platform(Platform.Configuration(layout: try instance.layout()), logger: .supervisor())
    let recipients = try BackupRecipients(
      recipient, files: try recipientsFile.map { try NamedFile.text(of: $0, longest: 64 << 10) })
    let (output, withWorkspaces) = (URL(filePath: file).standardizedFileURL.path, withWorkspaces)
    let report = try await untilInterrupted {
      try await platform.backUp(to: output, for: recipients, withWorkspaces: withWorkspaces) { tell($0) }
    }
    try format.print(report) {
      """
      \(report.size) bytes are saved in \(report.file)
      sha256: \(report.sha256)
      agents: \(report.agents.count), \(report.agents.count { $0.workspace }) of them with their workspace
      """ + report.gaps.map { "\nnote: \($0)" }.joined()
    }
  }
}
