import APIClient
import APIModel
import ArgumentParser
import Foundation

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

  @OptionGroup var filter: AuditFilterOptions

  @OptionGroup var connection: ConnectionOptions

  func run() async throws {
    try await connection.withClient { client in
      var index = from
      while true {
        let page = try await client.audit(from: index, limit: APIProtocol.longestPage, filter.query)
        var lines = Data()
        for record in page.items { lines += try line(record) }
        // Whoever reads may have enough.
        guard (try? FileHandle.standardOutput.write(contentsOf: lines)) != nil else { return }
        guard let next = page.next.flatMap(UInt64.init), next > index else { return }
        index = next
      }
    }
  }

  private func line(_ record: AuditRecordResource) throws -> Data {
    switch format {
    case .json: try APIJSON.encode(record) + Data("\n".utf8)
    case .ocsf: Data(try record.ocsfLine()) + Data("\n".utf8)
    case .cef: Data((record.cefLine + "\n").utf8)
    }
  }
}
