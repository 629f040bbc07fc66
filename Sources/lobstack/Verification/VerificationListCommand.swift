import APIClient
import APIModel
import ArgumentParser

struct VerificationListCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the recorded runs, newest first.")

  @Option(help: "Most runs to list.")
  var limit = 20

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let limit = limit
    let page = try await connection.withClient { try await $0.verifications(limit: limit) }
    try format.print(page.items) {
      var table = Table(
        "ID", "STARTED", "TIER", "BY", "PROVEN", "FAILED", "NOT TESTABLE", "WAIVED", "TOOK", "AUDIT RECORD")
      for run in page.items {
        table.add(
          run.id, run.startedAt.short, run.tier, (run.trigger ?? .person).rawValue, "\(run.summary.proven)",
          "\(run.summary.failed)",
          "\(run.summary.notTestable)", "\(run.summary.waived)", "\(run.durationMs / 1_000) s", "\(run.auditIndex)")
      }
      return table.rendered()
    }
  }

  mutating func validate() throws {
    if !(1...APIProtocol.longestPage).contains(limit) {
      throw ValidationError("--limit is not between 1 and \(APIProtocol.longestPage)")
    }
  }
}
