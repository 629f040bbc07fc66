import APIModel

/// What the platform does that serves a criterion, and where the evidence for it is.
package struct Control: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    /// The check of `lobstack verify` with the control's id.
    case check
    /// Records of the audit log.
    case records(RecordRule)
  }

  package var id: String
  package var title: String
  package var criteria: [String]
  package var tags: [Tag]
  package var source: Source

  /// Every control. What stands in no criterion is in no report.
  package static let all = checks + processes

  /// The criteria that a check or another control serves; none for an id that is unknown.
  package static func criteria(of id: String) -> [String] { criteriaByID[promise(of: id)] ?? [] }

  /// What a check is about: one that attacks a part of a promise, as `REL-2-VAULT`, is named after it.
  package static func promise(of check: String) -> String {
    check.split(separator: "-", omittingEmptySubsequences: false).prefix(2).joined(separator: "-")
  }

  private static let criteriaByID = Dictionary(
    all.map { ($0.id, $0.criteria) }, uniquingKeysWith: { first, _ in first })
}

/// Which records are evidence of a process.
package struct RecordRule: Sendable, Hashable {
  package struct Pattern: Sendable, Hashable {
    package var action: String
    package var outcomes: Set<String>

    init(_ action: String, _ outcomes: Set<String> = ["allowed"]) { (self.action, self.outcomes) = (action, outcomes) }

    func matches(action: String, outcome: String) -> Bool { action == self.action && outcomes.contains(outcome) }
  }

  package var evidence: [Pattern]
  /// Records that show that the control failed.
  package var failures: [Pattern] = []
  package var pair: Pair?
  /// Has to happen again and again, at least as often as `Judgement.longestGap` says.
  package var isRegular = false

  /// What is begun by one record has to be ended by another one with the same value of a detail.
  package struct Pair: Sendable, Hashable {
    package var begins: Pattern
    /// A record with one of these details begins nothing.
    package var unless: [String: String] = [:]
    package var ends: [Pattern]
    /// The detail that both have.
    package var key: String
    /// What it is when the end is not recorded.
    package var deviation: ComplianceReport.Deviation.Kind
  }
}
