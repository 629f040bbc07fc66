import APIClient
import APIModel
import ArgumentParser
import Faults
import Foundation
import Storage

struct AuditExportCommand: AsyncParsableCommand {
  enum Form: String, ExpressibleByArgument, CaseIterable { case json, ocsf, cef }

  static let configuration = CommandConfiguration(
    commandName: "export", abstract: "Print audit records, one a line, for a SIEM.",
    discussion: """
      From the oldest on. Forms: json, as the API has them; ocsf, API Activity of OCSF 1.3.0; cef, ArcSight's Common \
      Event Format. To go on where an export ended, give the number after its last record as --from.
      """)

  @Option(help: "Form of the lines: json, ocsf or cef.")
  var format = Form.json

  @Option(help: ArgumentHelp("Number of the first record.", valueName: "index"))
  var from: UInt64 = 0

  @Option(
    help: ArgumentHelp(
      "Directory of a log or of an archived segment to read instead of asking the platform; it is verified on the way.",
      valueName: "directory"), completion: .directory)
  var offline: String?

  @OptionGroup var filter: AuditFilterOptions

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    if let offline { return try export(offline) }
    try await connection.withClient { client in
      var index = from
      while true {
        let page = try await client.audit(from: index, limit: APIProtocol.longestPage, filter.query)
        if let archived = page.archived { tell("note: \(archived.notice)") }
        var lines = Data()
        for record in page.items { lines += try line(record) }
        // Whoever reads may have enough.
        guard (try? FileHandle.standardOutput.write(contentsOf: lines)) != nil else { return }
        guard let next = page.next.flatMap(UInt64.init), next > index else { return }
        index = next
      }
    }
  }

  private func export(_ directory: String) throws {
    let query = filter.query
    var isRead = true
    let verification = try AuditFile.verify(directory: directory) { entry in
      let record = AuditRecordResource(entry)
      guard isRead, entry.index >= from, query.matches(record) else { return }
      let bytes = try line(record)
      // Whoever reads may have enough.
      isRead = (try? FileHandle.standardOutput.write(contentsOf: bytes)) != nil
    }
    guard let bad = verification.firstBad else { return }
    throw Fault(
      .failed, operation: "export the audit log in \(directory)",
      reason: bad.sentence,
      remedy: "believe nothing from there on; run 'lobstack audit verify --offline \(directory)'")
  }

  private func line(_ record: AuditRecordResource) throws -> Data {
    switch format {
    case .json: try APIJSON.encode(record) + Data("\n".utf8)
    case .ocsf: Data(try record.ocsfLine()) + Data("\n".utf8)
    case .cef: Data((record.cefLine + "\n").utf8)
    }
  }
}
