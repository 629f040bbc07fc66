import ArgumentParser

struct SecretCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "secret", abstract: "Keep what agents must be able to use but never to see.",
    subcommands: [
      SecretSetCommand.self, SecretListCommand.self, SecretRotateCommand.self, SecretDeleteCommand.self,
    ])
}
