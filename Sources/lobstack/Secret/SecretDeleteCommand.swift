import APIClient
import ArgumentParser

struct SecretDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "Remove a secret; requests that need it are refused from then on.")

  @OptionGroup var secret: SecretArgument
  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let reference = try secret.reference
    try await connection.withClient { try await $0.deleteSecret(reference) }
    print("secret \(reference) is deleted")
  }
}
