import APIClient
import ArgumentParser

struct TokenRevokeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "End a token at once.")

  @Argument(help: "The token's id, as 'token list' shows it.")
  var id: String

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let id = id
    try await connection.withClient { try await $0.revokeToken(id) }
    print("token \(id) is revoked")
  }
}
