import ArgumentParser

struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Write everything that the instance cannot make anew into one encrypted file.",
    subcommands: [BackupCreateCommand.self, BackupVerifyCommand.self], defaultSubcommand: BackupCreateCommand.self)
}
