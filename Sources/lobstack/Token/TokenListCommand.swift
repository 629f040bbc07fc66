import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct TokenListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the tokens, without secrets.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let tokens = try await connection.withClient { try await $0.tokens() }
    try format.print(tokens) {
      var table = Table("ID", "NAME", "ROLE", "TENANT", "CREATED", "EXPIRES", "LAST USED")
      for token in tokens {
        table.add(
          token.id, token.name, token.role.rawValue, token.tenant?.description ?? "-", token.createdAt.short,
          token.expiresAt?.short ?? "never", token.lastUsedAt?.short ?? "never")
      }
      return table.rendered()
    }
  }
}
