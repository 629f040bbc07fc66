import APIModel
import NIOHTTP1

extension APIClient {
  /// Has the audit log let go of records that lie in a segment; returns when it has.
  package func archiveAudit(_ archiving: AuditArchiving) async throws -> AuditArchivingReceipt {
    try await transport.call(
      .POST, "/v1/audit/archives", body: .json(archiving), operation: "archive audit records")
  }
}
