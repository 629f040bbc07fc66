import APIClient
import APIModel
import ArgumentParser
import Foundation

struct AgentExecCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "exec", abstract: "Run a program in an agent's sandbox, as the agent.",
    usage: "lobstack agent exec AGENT [options] -- PROGRAM [ARGUMENT …]",
    discussion: "Standard input, output and error are the program's; the exit code is the program's too.")

  @OptionGroup var agent: AgentArgument

  @Option(help: ArgumentHelp("Environment variable; may be repeated.", valueName: "name=value"))
  var env: [String] = []

  @Option(help: ArgumentHelp("Working directory (default: /workspace).", valueName: "path"))
  var directory: String?

  @OptionGroup var connection: ConnectionOptions

  @Argument(parsing: .postTerminator, help: ArgumentHelp("Program and arguments.", valueName: "program"))
  var command: [String] = []

  func run() async throws {
    let id = try agent.id
    let request = ExecRequest(command: command, env: try environment(), directory: directory)
    let code = try await connection.withClient { client in
      try await client.exec(id, request, input: StandardInput.stream()) { output in
        switch output {
        case .standardOutput(let bytes): try FileHandle.standardOutput.write(contentsOf: bytes)
        case .standardError(let bytes): try FileHandle.standardError.write(contentsOf: bytes)
        }
      }
    }
    throw ProgramExit(code: code)
  }

  mutating func validate() throws {
    if command.isEmpty { throw ValidationError("the program is missing: lobstack agent exec AGENT -- PROGRAM") }
    _ = try environment()
  }

  private func environment() throws -> [String: String] {
    var variables: [String: String] = [:]
    for text in env {
      guard let separator = text.firstIndex(of: "="), separator != text.startIndex else {
        throw ValidationError("--env '\(text.prefix(80))' is not NAME=VALUE")
      }
      variables[String(text[..<separator])] = String(text[text.index(after: separator)...])
    }
    return variables
  }
}
