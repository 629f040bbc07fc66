import APIClient
import APIModel
import ArgumentParser
import Faults
import Foundation
import Verification

struct VerificationShowCommand: AsyncParsableCommand {
  enum Form: String, ExpressibleByArgument, CaseIterable { case table, json, markdown, sarif, junit, ocsf }

  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show a recorded report.",
    discussion: """
      With -o json the report's own bytes: their SHA-256 stands in the audit record, whose number 'verification list' \
      tells, and which 'lobstack audit prove' proves to be in the signed log.
      """)

  @Argument(help: "The run's id, as 'verification list' prints it.")
  var id: String

  @OptionGroup var connection: ConnectionOptions

  @Option(name: .shortAndLong, help: "Form of the output: table, json, markdown, sarif, junit or ocsf.")
  var output = Form.table

  func run() async throws {
    let id = id
    let resource = try await connection.withClient { try await $0.verification(id) }
    let text = resource.report ?? ""
    if output == .json {
      print(text, terminator: "")
      return
    }
    let report: VerificationReport
    do { report = try APIJSON.decode(VerificationReport.self, from: text.utf8) } catch {
      throw Fault(
        .invalid, operation: "show verification \(id)", reason: "its report is of another version",
        remedy: "read it with -o json", cause: error)
    }
    switch output {
    case .table, .json: print(report.table)
    case .markdown: print(report.markdown, terminator: "")
    case .sarif: print(try report.sarif(version: resource.version), terminator: "")
    case .junit: print(report.junit, terminator: "")
    case .ocsf: print(try report.ocsf(version: resource.version), terminator: "")
    }
  }
}
