import ArgumentParser

struct SecretCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret",
    abstract: "Keep what agents read as files, and what is added to their requests without their seeing it.",
    subcommands: [
      SecretSetCommand.self, SecretListCommand.self, SecretRotateCommand.self, SecretDeleteCommand.self,
    ])
}
