import APIClient
import APIModel
import AgentModel
import ArgumentParser

struct AuditListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List audit records, the newest last.")

  @Option(
    help: ArgumentHelp("Number of the first record (default: so that the newest are listed).", valueName: "index"))
  var from: UInt64?

  @Option(help: "Most records to list.")
  var limit = 100

  @Option(help: ArgumentHelp("Only records about this agent, TENANT/NAME.", valueName: "agent"), transform: parseText)
  var agent: AgentID?

  @Option(help: "Only records of this action, as 'agent.create'.")
  var action: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let records: [AuditRecordResource] = try await connection.withClient { try await self.records($0) }
    try format.print(records) {
      var table = Table("INDEX", "TIME", "ACTOR", "ACTION", "TARGET", "OUTCOME")
      for record in records {
        table.add(
          "\(record.index)", record.time.short, record.actor, record.action, record.target, record.outcome)
      }
      return table.rendered()
    }
  }

  private func records(_ client: APIClient) async throws -> [AuditRecordResource] {
    var index = from ?? 0
    if from == nil, agent == nil, action == nil {
      let size = try await client.auditCheckpoint().size
      index = size - min(size, UInt64(limit))
    }
    var records: [AuditRecordResource] = []
    // A page with a filter may be short though more follows.
    while true {
      let page = try await client.audit(
        from: index, limit: min(limit, APIProtocol.longestPage), agent: agent, action: action)
      records += page.items
      if from != nil, records.count >= limit { return Array(records.prefix(limit)) }
      // Without a first index the newest are wanted: older ones make way.
      records = records.suffix(limit)
      guard let next = page.next.flatMap(UInt64.init), next > index else { return records }
      index = next
    }
  }

  mutating func validate() throws {
    guard (1...100_000).contains(limit) else { throw ValidationError("--limit is not between 1 and 100000") }
  }
}
