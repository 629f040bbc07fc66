import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct DenialsCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "denials", abstract: "List what agents tried and were refused, newest first.",
    discussion: "Packets that the firewall dropped, names that were not resolved, requests that the node proxy refused."
  )

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  @Option(help: ArgumentHelp("Only of this agent: NAME or TENANT/NAME.", valueName: "agent"))
  var agent: String?

  @Option(help: "Most entries to list.")
  var limit = 50

  func run() async throws {
    let (limit, id) = (limit, try agent.map { try AgentArgument.id($0, tenant: nil) })
    let denials = try await connection.withClient { try await $0.denials(agent: id, limit: limit).items }
    try format.print(denials) {
      var table = Table("TIME", "AGENT", "RULE", "WHAT", "COUNT", "IF THIS WAS MEANT TO BE ALLOWED")
      for denial in denials {
        table.add(
          denial.time.short, denial.agent?.description ?? "-", denial.rule, what(denial), "\(denial.count)",
          denial.remedy ?? "-")
      }
      return table.rendered()
    }
  }

  private func what(_ denial: DenialResource) -> String {
    guard let host = denial.host else {
      guard !denial.protocol.isEmpty else { return denial.details ?? "more than could be listed" }
      let port = denial.port.map { " port \($0)" } ?? ""
      return "\(denial.protocol) \(denial.source) to \(denial.destination)\(port)"
    }
    return [denial.method, host + (denial.path ?? "")].compactMap { $0 }.joined(separator: " ")
  }

  mutating func validate() throws {
    guard (1...APIProtocol.longestPage).contains(limit) else {
      throw ValidationError("--limit is not between 1 and \(APIProtocol.longestPage)")
    }
  }
}
