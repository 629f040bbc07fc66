import APIClient
import APIModel
import ArgumentParser
import Compliance
import Faults
import Foundation

struct ReportSOC2Command: AsyncParsableCommand {
  enum Form: String, ExpressibleByArgument, CaseIterable { case markdown, json }

  static let configuration = CommandConfiguration(
    commandName: "soc2", abstract: "Show what there is for the Trust Services Criteria in a period.",
    discussion: """
      Made of the audit log alone, and recorded in it: the SHA-256 of the JSON stands in the record 'report.create'. \
      Exit code 0 when every criterion is evidenced, 1 when a control failed in the period, 3 when evidence is missing.
      """)

  @Option(
    help: ArgumentHelp(
      "Begin of the period: RFC 3339, or an age as 90d (default: 90 days before its end).", valueName: "time"))
  var since: MomentOption?

  @Option(help: ArgumentHelp("End of the period (default: now).", valueName: "time"))
  var until: MomentOption?

  @Option(name: .customShort("o"), help: ArgumentHelp("Form of the report: markdown or json.", valueName: "form"))
  var form = Form.markdown

  @Option(help: ArgumentHelp("Write the report to this file.", valueName: "file"), completion: .file())
  var output: String?

  @Option(
    help: ArgumentHelp("Show a report that was kept as JSON, instead of making one.", valueName: "file"),
    completion: .file())
  var from: String?

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    let bytes = try await bytes()
    let report: ComplianceReport
    do { report = try APIJSON.decode(ComplianceReport.self, from: bytes) } catch {
      throw Fault(
        .invalid, operation: "read the report", reason: "it is not a report of this version",
        remedy: "use the version of Lobstack that made it", cause: error)
    }
    let text =
      switch form {
      case .markdown: Data(report.markdown.utf8)
      case .json: Data(bytes)
      }
    if let output { try NamedFile.write(text, to: output) } else { FileHandle.standardOutput.write(text) }
    if output != nil || form == .json { tell(report.summaryLine) }
    guard report.exitCode == 0 else { throw Degraded(code: report.exitCode) }
  }

  mutating func validate() throws {
    if from != nil, since != nil || until != nil {
      throw ValidationError("--from shows a report that is made: it has its period already")
    }
  }

  private func bytes() async throws -> [UInt8] {
    if let from { return Array(try NamedFile.text(of: from, longest: 16 << 20).utf8) }
    let (since, until) = (since?.date, until?.date)
    return try await connection.withClient { try await $0.complianceReport(since: since, until: until) }
  }
}
