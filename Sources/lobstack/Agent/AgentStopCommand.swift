import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentStopCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "stop", abstract: "Stop an agent; its workspace stays.")

  @OptionGroup var agent: AgentArgument

  @Flag(help: "Return when the agent has stopped.")
  var wait = false

  @Option(help: "Longest wait in seconds.")
  var timeout = 60

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let (id, wait, timeout) = (try agent.id, wait, timeout)
    let resource = try await connection.withClient { client in
      let resource = try await client.stopAgent(id)
      guard wait else { return resource }
      return try await AgentWait(client: client, id: id).untilStopped(limit: .seconds(timeout))
    }
    try format.print(resource) { "agent \(id) \(wait ? "is \(resource.status.phase.rawValue)" : "is to stop")" }
  }
}
