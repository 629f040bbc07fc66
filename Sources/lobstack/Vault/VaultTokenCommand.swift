import APIModel
import ArgumentParser
import SecretStore
import Supervision

struct VaultTokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Print an operator's token for other clients of the secrets manager, good for 15 minutes.",
    discussion: """
      VAULT_ADDR, VAULT_CACERT and VAULT_TOKEN are what 'bao', 'vault' and hvac read; 'lobstack vault status' tells the
      address. The token does what policy/vault/policies/lobstack-operator.hcl says, and reads no secret.
      """)

  @OptionGroup var vault: VaultOptions

  func run() async throws {
    print(try await vault.recording(.token) { try await vault.manager().token() })
  }
}
