import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentRespondCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "respond", abstract: "Freeze, cut off or kill a running agent at once.",
    discussion: "Does what an alert's response would do. 'lobstack agent start' runs the agent anew.")

  @OptionGroup var agent: AgentArgument

  @Argument(
    help: "freeze: stop its processes; quarantine: take network and secrets away; kill: end it.",
    completion: .list(["freeze", "quarantine", "kill"]), transform: parseCase)
  var response: AgentResponse

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let (id, response) = (try agent.id, response)
    let resource = try await connection.withClient { try await $0.respond(to: id, response) }
    try format.print(resource) { "agent \(id): \(response.rawValue) is in force" }
  }

  mutating func validate() throws {
    if response == .alert { throw ValidationError("'alert' does nothing: give freeze, quarantine or kill") }
  }
}
