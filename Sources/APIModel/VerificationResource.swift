import FoundationEssentials

/// Why a run of `lobstack verify` began.
package enum VerificationTrigger: String, Hashable, Sendable, Codable, CaseIterable {
  /// Somebody wanted it.
  case person
  /// It was time for one.
  case schedule
  /// What runs is another program than the one that was last verified.
  case upgrade

  /// Who began it, for people.
  package var text: String {
    switch self {
    case .person: "a person"
    case .schedule: "the schedule"
    case .upgrade: "an upgrade"
    }
  }
}

extension VerificationTrigger? {
  /// " by the schedule"; nothing for a person, whom a run need not name.
  package var byline: String { self.flatMap { $0 == .person ? nil : " by \($0.text)" } ?? "" }
}

/// A run of `lobstack verify` that is recorded.
package struct VerificationResource: Hashable, Sendable, Codable {
  package var id: String
  /// `quick`, `full`, `break` or `chosen`.
  package var tier: String
  /// `nil` for a run of before there was a schedule: a person's.
  package var trigger: VerificationTrigger?
  package var startedAt: Date
  package var durationMs: Int
  /// Of Lobstack.
  package var version: String
  /// SHA-256 of the platform's program, hexadecimal; `nil` when the report has none.
  package var program: String?
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
    id: String, tier: String, trigger: VerificationTrigger? = nil, startedAt: Date, durationMs: Int, version: String,
    program: String? = nil, summary: Summary, sha256: String, auditIndex: UInt64, report: String? = nil
  ) {
    self.id = id
    self.tier = tier
    self.trigger = trigger
    self.startedAt = startedAt
    self.durationMs = durationMs
    self.version = version
    self.program = program
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
    package var trigger: VerificationTrigger?
    package var startedAt: Date
    package var durationMs: Int
    package var version: String
    package var program: String?
  }

  package var run: Run
  package var summary: VerificationResource.Summary
}
