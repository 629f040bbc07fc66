/// What whoever backs an instance up tells the control plane of it, for the audit log.
package struct BackupNote: Hashable, Sendable, Codable {
  package enum Stage: String, Hashable, Sendable, Codable {
    /// It is about to be made.
    case begun
    /// The file is whole and encrypted, and gets its name when this is recorded.
    case made
    case failed
  }

  /// Names the backup; a UUID.
  package var id: String
  package var stage: Stage
  /// Fingerprints of the keys that open it.
  package var recipients: [String]
  /// How many agents' workspaces are in it, once it is made.
  package var workspaces: Int?
  /// Of the encrypted file, once it is made: SHA-256, hexadecimal, and its bytes.
  package var sha256: String?
  package var size: Int?

  package init(
    id: String, stage: Stage, recipients: [String], workspaces: Int? = nil, sha256: String? = nil, size: Int? = nil
  ) {
    self.id = id
    self.stage = stage
    self.recipients = recipients
    self.workspaces = workspaces
    self.sha256 = sha256
    self.size = size
  }
}

/// The record that tells of a backup.
package struct BackupReceipt: Hashable, Sendable, Codable {
  package var auditIndex: UInt64

  package init(auditIndex: UInt64) { self.auditIndex = auditIndex }
}
