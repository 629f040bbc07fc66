import APIClient
import APIModel
import ArgumentParser

struct AuditListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List audit records, the newest last.")

  @Option(
    help: ArgumentHelp("Number of the first record (default: so that the newest are listed).", valueName: "index"))
  var from: UInt64?

  @Option(help: "Most records to list.")
  var limit = 100

  @OptionGroup var filter: AuditFilterOptions
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
    // Without a first index the newest are wanted.
    let order: AuditOrder = from == nil ? .newest : .oldest
    var index = from
    var records: [AuditRecordResource] = []
    // A page with a filter may be short though more follows.
    repeat {
      let page = try await client.audit(
        from: index, limit: min(limit - records.count, APIProtocol.longestPage), filter.query, order: order)
      records += page.items
      if let archived = page.archived, records.count < limit { tell("note: \(archived.notice)") }
      index = page.next.flatMap { UInt64($0) }
    } while records.count < limit && index != nil
    return order == .newest ? records.reversed() : records
  }

  mutating func validate() throws {
    guard (1...100_000).contains(limit) else { throw ValidationError("--limit is not between 1 and 100000") }
  }
}
