import APIModel
import FoundationEssentials
import NIOHTTP1

extension APIClient {
  /// - Returns: the report's own bytes, whose SHA-256 is in the audit log.
  package func complianceReport(since: Date?, until: Date?) async throws -> [UInt8] {
    try await transport.send(
      .GET, "/v1/reports/soc2", query: [("since", since.map(APIJSON.text)), ("until", until.map(APIJSON.text))],
      operation: "report on the Trust Services Criteria")
  }
}
