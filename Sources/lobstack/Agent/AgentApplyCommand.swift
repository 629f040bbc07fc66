import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentApplyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Make an agent be what its document says: create it, or change it.",
    discussion: """
      A change of 'egress' alone takes effect while the agent runs. Any other change starts the agent anew, with its \
      workspace. Done again, it changes nothing.
      """)

  @Option(name: .shortAndLong, help: "Agent document, YAML or JSON; '-' reads standard input.", completion: .file())
  var file: String

  @Flag(help: "Return when the change is in force and the agent runs; exit code 1 when it fails.")
  var wait = false

  @Option(help: "Longest wait in seconds.")
  var timeout = 120

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let (document, agent) = try AgentFile(file).read()
    let (wait, timeout) = (wait, timeout)
    let applied = try await connection.withClient { client in
      let applied = try await client.putAgent(agent.id, document: document)
      guard wait else { return applied }
      return try await AgentWait(client: client, id: applied.id).untilRunning(limit: .seconds(timeout))
    }
    applied.tellWarnings()
    try format.print(applied) {
      "agent \(applied.id) \(wait ? "is \(applied.status.phase.rawValue)" : "applied"), "
        + "generation \(applied.metadata.generation)"
    }
  }

  mutating func validate() throws {
    if timeout < 1 { throw ValidationError("--timeout is not a number of seconds") }
  }
}
