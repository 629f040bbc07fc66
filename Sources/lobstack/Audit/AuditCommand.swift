import ArgumentParser

struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Read the audit log, and prove that nobody changed it.",
    subcommands: [
      AuditListCommand.self, AuditShowCommand.self, AuditVerifyCommand.self, AuditProveCommand.self,
      AuditCheckpointCommand.self, AuditExportCommand.self, AuditArchiveCommand.self,
    ])
}
