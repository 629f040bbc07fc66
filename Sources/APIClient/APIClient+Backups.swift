import APIModel
import NIOHTTP1

extension APIClient {
  /// Has the audit log tell of a backup; returns when the record is durable.
  package func record(_ note: BackupNote) async throws -> BackupReceipt {
    try await transport.call(
      .POST, "/v1/backups", body: .json(note), operation: "record backup \(note.id)")
  }
}
