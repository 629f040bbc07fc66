/// What whoever archived the oldest records of the audit log tells the control plane, which then lets go of them.
package struct AuditArchiving: Hashable, Sendable, Codable {
  /// The log's first records, so many, are in the segment.
  package var records: UInt64
  /// Root over these, hexadecimal.
  package var rootHash: String
  /// Where the segment lies, for the audit log.
  package var segment: String

  package init(records: UInt64, rootHash: String, segment: String) {
    self.records = records
    self.rootHash = rootHash
    self.segment = segment
  }
}

/// The record that tells of an archiving.
package struct AuditArchivingReceipt: Hashable, Sendable, Codable {
  package var auditIndex: UInt64

  package init(auditIndex: UInt64) { self.auditIndex = auditIndex }
}

/// Records that the log has let go of.
package struct ArchivedRecords: Hashable, Sendable, Codable {
  /// The first that the log still has: those before it are archived.
  package var before: UInt64
  /// The segment that the record which was asked for lies in, or the newest.
  package var segment: String

  package init(before: UInt64, segment: String) {
    self.before = before
    self.segment = segment
  }

  /// One sentence for a person.
  package var notice: String {
    "the records before \(before) are archived and not searched; the segment is \(segment)"
  }
}
