import APIClient
import APIModel
import ArgumentParser
import Faults

struct AuditShowCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one audit record.")

  @Argument(help: "Number of the record.")
  var index: UInt64

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let index = index
    let page = try await connection.withClient { try await $0.audit(from: index, limit: 1) }
    if let archived = page.archived, index < archived.before {
      throw Fault(
        .notFound, operation: "show audit record \(index)",
        reason: "it is archived, in the segment \(archived.segment); the log begins with record \(archived.before)",
        remedy: "read it with 'lobstack audit export --offline SEGMENT --from \(index)'")
    }
    guard let record = page.items.first, record.index == index else {
      throw Fault(
        .notFound, operation: "show audit record \(index)", reason: "the log has no such record",
        remedy: "list the records with 'lobstack audit list'")
    }
    try format.print(record) {
      var table = Table()
      table.add("index", "\(record.index)")
      table.add("time", record.time.short)
      table.add("actor", record.actor)
      table.add("action", record.action)
      table.add("target", record.target)
      table.add("outcome", record.outcome)
      for (key, value) in record.details.sorted(by: { $0.key < $1.key }) { table.add(key, value) }
      table.add("leaf hash", record.leafHash)
      return table.rendered()
    }
  }
}
