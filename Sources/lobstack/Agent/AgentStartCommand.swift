import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentStartCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Start an agent that is stopped or failed; its workspace is as it was.")

  @OptionGroup var agent: AgentArgument

  @Flag(help: "Return when the agent runs; exit code 1 when it fails.")
  var wait = false

  @Option(help: "Longest wait in seconds.")
  var timeout = 120

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let (id, wait, timeout) = (try agent.id, wait, timeout)
    let resource = try await connection.withClient { client in
      let resource = try await client.startAgent(id)
      guard wait else { return resource }
      return try await AgentWait(client: client, id: id).untilRunning(limit: .seconds(timeout))
    }
    try format.print(resource) { "agent \(id) \(wait ? "is \(resource.status.phase.rawValue)" : "is to start")" }
  }
}
