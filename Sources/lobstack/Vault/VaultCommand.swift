import ArgumentParser

struct VaultCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vault", abstract: "Look after the secrets manager of this machine, as root.",
    subcommands: [
      VaultStatusCommand.self, VaultInitCommand.self, VaultUnsealCommand.self, VaultSnapshotCommand.self,
      VaultRestoreCommand.self, VaultRotateKeysCommand.self, VaultTokenCommand.self, VaultClusterCommand.self,
    ])
}
