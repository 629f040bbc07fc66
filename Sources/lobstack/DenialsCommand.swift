import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct DenialsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "denials", abstract: "List packets that the firewall dropped, newest first.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  @Option(help: "Most entries to list.")
  var limit = 50

  func run() async throws {
    let limit = limit
    let denials = try await connection.withClient { try await $0.denials(limit: limit).items }
    try format.print(denials) {
      var table = Table("TIME", "AGENT", "RULE", "PROTOCOL", "SOURCE", "DESTINATION", "PORT", "COUNT")
      for denial in denials {
        table.add(
          denial.time.short, denial.agent?.description ?? "-", denial.rule, denial.protocol, denial.source,
          denial.destination, denial.port.map { "\($0)" } ?? "-", "\(denial.count)")
      }
      return table.rendered()
    }
  }

  mutating func validate() throws {
    guard (1...APIProtocol.longestPage).contains(limit) else {
      throw ValidationError("--limit is not between 1 and \(APIProtocol.longestPage)")
    }
  }
}
