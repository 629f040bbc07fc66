import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the agents.")

  @Option(help: "Only this tenant's agents.", transform: parseText)
  var tenant: TenantName?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let tenant = tenant
    let agents = try await connection.withClient { try await $0.allAgents(tenant: tenant) }
    try format.print(agents) {
      var table = Table("AGENT", "PHASE", "TIER", "RESTARTS", "ADDRESS", "AGE", "IMAGE")
      for agent in agents {
        table.add(
          "\(agent.id)", agent.status.phase.rawValue, agent.spec.tier.rawValue, "\(agent.status.restarts)",
          agent.status.address ?? "-", agent.metadata.createdAt.age, "\(agent.spec.image)")
      }
      return table.rendered()
    }
  }
}
