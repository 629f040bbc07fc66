import FoundationEssentials

/// A run of `lobstack verify` that is recorded.
package struct VerificationResource: Hashable, Sendable, Codable {
  package var id: String
  /// `quick`, `full` or `chosen`.
  package var tier: String
  package var startedAt: Date
  package var durationMs: Int
  /// Of Lobstack.
  package var version: String
  package var summary: Summary
  /// SHA-256 of the report's bytes, hexadecimal; it stands in the audit record.
  package var sha256: String
  /// The audit record that tells of it: its inclusion proof is the report's, too.
  package var auditIndex: UInt64
  /// The report's bytes; left out of listings.
  package var report: String?

  package struct Summary: Hashable, Sendable, Codable {
    package var proven: Int
    package var failed: Int
    package var notTestable: Int
    package var waived: Int
  }

  package init(
    id: String, tier: String, startedAt: Date, durationMs: Int, version: String, summary: Summary, sha256: String,
    auditIndex: UInt64, report: String? = nil
  ) {
    self.id = id
    self.tier = tier
    self.startedAt = startedAt
    self.durationMs = durationMs
    self.version = version
    self.summary = summary
    self.sha256 = sha256
    self.auditIndex = auditIndex
    self.report = report
  }
}

/// What the control plane reads of a report.
package struct VerificationHeader: Decodable, Sendable {
  package struct Run: Decodable, Sendable {
    package var id: String
    package var tier: String
    package var startedAt: Date
    package var durationMs: Int
    package var version: String
  }

  package var run: Run
  package var summary: VerificationResource.Summary
}
