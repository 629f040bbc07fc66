import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct SecretListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the secrets, without their values.",
    discussion: """
      On a Kubernetes cluster those that agents' documents name. 'in use' are those with which an agent, or its gateway,
      runs; of others nothing is known.
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let secrets = try await connection.withClient { try await $0.secrets() }
    try format.print(secrets) {
      var table = Table("TENANT", "READERS", "NAME", "VERSION", "UPDATED", "LAST READ")
      for secret in secrets {
        table.add(
          secret.tenant.description, secret.agent.map { "agent \($0)" } ?? "all agents", secret.name.description,
          secret.version.map { "\($0)" } ?? (secret.inUse == true ? "in use" : "not known"),
          secret.updatedAt?.short ?? "-", secret.lastReadAt?.short ?? "-")
      }
      return table.rendered()
    }
  }
}
