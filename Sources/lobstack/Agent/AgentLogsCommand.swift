import APIClient
import ArgumentParser
import Foundation

struct AgentLogsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "logs", abstract: "Print what an agent wrote to its standard output and error.")

  @OptionGroup var agent: AgentArgument

  @Flag(name: .shortAndLong, help: "Go on with what follows, until Ctrl-C.")
  var follow = false

  @Option(help: ArgumentHelp("How much of the end to print, in bytes.", valueName: "bytes"))
  var tail = 64 << 10

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let (id, tail, follow) = (try agent.id, tail, follow)
    try await connection.withClient { client in
      try await client.logs(id, tailBytes: tail, follow: follow) { bytes in
        try FileHandle.standardOutput.write(contentsOf: bytes)
      }
    }
  }

  mutating func validate() throws {
    if tail < 0 { throw ValidationError("--tail is negative") }
  }
}
