import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "List the agents.")

  @Option(help: "Only this tenant's agents.", transform: parseText)
  var tenant: TenantName?

  @Option(help: "Only agents in this phase.")
  var phase: AgentPhase?

  @Option(help: "Only agents with this in their name, their image or a label (KEY=VALUE).")
  var search: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let (tenant, phase, search) = (tenant, phase, search)
    let agents = try await connection.withClient {
      try await $0.allAgents(tenant: tenant, phase: phase, search: search)
    }
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

extension AgentPhase: ExpressibleByArgument {}
