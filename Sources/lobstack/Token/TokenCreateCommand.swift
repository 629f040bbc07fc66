import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct TokenCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a token; its secret is printed once and cannot be read again.")

  @Argument(help: "What to call the token.")
  var name: String

  @Option(help: "viewer, operator or admin.", transform: parseCase)
  var role: Role

  @Option(help: "Bind the token to this tenant (default: 'default'); an admin is bound to none.", transform: parseText)
  var tenant: TenantName?

  @Flag(help: "Bind the token to no tenant: it is for the agents of all, as whoever reads the metrics needs it.")
  var allTenants = false

  @Option(help: ArgumentHelp("Life in seconds (default: until it is revoked).", valueName: "seconds"))
  var expires: Int?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func validate() throws {
    guard allTenants, tenant != nil else { return }
    throw ValidationError("--all-tenants and --tenant exclude each other; give one of them")
  }

  func run() async throws {
    let bound = role == .admin || allTenants ? tenant : tenant ?? .default
    let request = TokenRequest(name: name, role: role, tenant: bound, expiresInSeconds: expires)
    let created = try await connection.withClient { try await $0.createToken(request) }
    if format.output == .table { tell("token \(created.token.id): keep the secret, it is shown this once") }
    try format.print(created) { created.secret }
  }
}
