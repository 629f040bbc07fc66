import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AgentCreateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Create an agent and start it.",
    usage: """
      lobstack agent create -f FILE [--wait]
      lobstack agent create NAME --image IMAGE [options] [--wait]
      """)

  @Argument(help: ArgumentHelp("The agent: NAME or TENANT/NAME.", valueName: "agent"))
  var agent: String?

  @Option(name: .shortAndLong, help: "Agent document, YAML or JSON; '-' reads standard input.", completion: .file())
  var file: String?

  @OptionGroup(title: "Agent") var spec: AgentSpecOptions

  @Flag(help: "Return when the agent runs; exit code 1 when it fails.")
  var wait = false

  @Option(help: "Longest wait in seconds.")
  var timeout = 120

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let document: String
    if let file {
      document = try AgentFile(file).document()
    } else {
      document = try spec.document(agent: agent ?? "")
    }
    let (wait, timeout) = (wait, timeout)
    let created = try await connection.withClient { client in
      let created = try await client.createAgent(document: document)
      guard wait else { return created }
      return try await AgentWait(client: client, id: created.id).untilRunning(limit: .seconds(timeout))
    }
    created.tellWarnings()
    try format.print(created) { "agent \(created.id) \(wait ? "is \(created.status.phase.rawValue)" : "created")" }
  }

  mutating func validate() throws {
    switch (file, agent) {
    case (nil, nil): throw ValidationError("name the agent, or give its document with -f")
    case (.some, .some): throw ValidationError("give either a name or -f, not both")
    case (.some, nil):
      if spec.isGiven { throw ValidationError("with -f the document says everything: leave out the other options") }
    case (nil, .some(let agent)):
      _ = try AgentArgument.id(agent, tenant: spec.tenant)
      if spec.image == nil { throw ValidationError("--image is missing: \(ImageReference.rule)") }
    }
    if timeout < 1 { throw ValidationError("--timeout is not a number of seconds") }
  }
}
