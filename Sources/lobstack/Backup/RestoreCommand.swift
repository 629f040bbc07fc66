import AgentModel
import ArgumentParser
import Foundation
import Supervision

struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put a backup in place of an instance that is not there.",
    discussion: """
      The state directory must have no such instance; name and directory are those of the backup, on this machine or \
      another. Whole or not at all: whatever is wrong with the backup, nothing is left. Then 'lobstack up' starts it.
      """)

  @OptionGroup var instance: InstanceOptions
  @OptionGroup var opening: BackupOpening
  @OptionGroup var format: OutputOptions

  @Option(help: ArgumentHelp("OpenBao's program (default: the one of PATH, or the pinned one).", valueName: "path"))
  var openbao: String?

  @Option(
    help: ArgumentHelp(
      "File of the key that unseals the secrets manager, when it is not in the backup.", valueName: "file"),
    completion: .file())
  var sealKey: String?

  func run() async throws {
    let configuration = Platform.Configuration(
      layout: try instance.layout(), openBao: openbao,
      secretsManager: .own(.file(sealKey.map { URL(filePath: $0).standardizedFileURL.path })))
    let platform = Platform(configuration, logger: .supervisor())
    let backup = try await opening.backup()
    let report = try await untilInterrupted { try await platform.restore(backup) { tell($0) } }
    try format.print(report) { Self.text(report) }
  }

  private static func text(_ report: RestoreReport) -> String {
    let started = report.arguments.isEmpty ? "" : "\nit was started by: \(report.arguments.joined(separator: " "))"
    return """
      instance \(report.instance) is in \(report.directory), as it was at \(report.createdAt.short) UTC
      agents: \(report.agents.count), \(report.agents.count { $0.workspace }) of them with their workspace
      """ + report.gaps.map { "\nnote: \($0)" }.joined() + started + "\nstart it with 'lobstack up --detach'"
  }
}
