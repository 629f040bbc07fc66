import APIClient
import APIModel
import ArgumentParser

struct AgentDeleteCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "delete", abstract: "End an agent and destroy its workspace. Asks nothing.")

  @OptionGroup var agent: AgentArgument

  @Flag(help: "Return when nothing of the agent is left.")
  var wait = false

  @Option(help: "Longest wait in seconds.")
  var timeout = 60

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let (id, wait, timeout) = (try agent.id, wait, timeout)
    try await connection.withClient { client in
      try await client.deleteAgent(id)
      if wait { try await AgentWait(client: client, id: id).untilGone(limit: .seconds(timeout)) }
    }
    print("agent \(id) \(wait ? "is deleted" : "is being deleted")")
  }
}
