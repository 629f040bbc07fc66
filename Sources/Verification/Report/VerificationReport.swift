/// What a check came to.
package enum Verdict: String, Sendable, Codable, CaseIterable {
  /// The attack succeeded where the control was off, and failed where it was on.
  case proven = "PROVEN"
  /// The attack succeeded although the control was on, or nothing shows that it failed.
  case failed = "FAILED"
  /// The attack could not be shown to work at all, so its failure shows nothing.
  case notTestable = "NOT TESTABLE"
  /// Not proven, and accepted by a person until a day.
  case waived = "WAIVED"
}

/// The outcome of one run of `lobstack verify`: the JSON that `-o json` prints.
package struct VerificationReport: Sendable, Hashable, Codable {
  /// `nil` for checks that no run of `verify` made.
  package var run: VerificationRun?
  package var summary: Summary
  package var checks: [CheckReport]
  package var waivers: [WaiverReport]

  package init(run: VerificationRun? = nil, checks: [CheckReport], waivers: [WaiverReport] = []) {
    self.run = run
    self.checks = checks
    self.waivers = waivers
    func count(_ verdict: Verdict) -> Int { checks.count { $0.verdict == verdict } }
    summary = Summary(
      proven: count(.proven), failed: count(.failed), notTestable: count(.notTestable), waived: count(.waived))
  }

  package struct Summary: Sendable, Hashable, Codable {
    package var proven: Int
    package var failed: Int
    package var notTestable: Int
    package var waived: Int
  }

  /// 0 when everything is proven or waived, 1 when anything failed, 3 when something could not be tested; a report
  /// of nothing is no success either.
  package var exitCode: Int32 {
    if summary.failed > 0 { return 1 }
    return summary.notTestable > 0 || checks.isEmpty ? 3 : 0
  }
}

package struct CheckReport: Sendable, Hashable, Codable {
  /// As in the design's list of what must always hold: `ISO-1`, `NET-7`.
  package var id: String
  package var layer: String
  package var title: String
  package var verdict: Verdict
  /// The attack was stopped; `nil` when that is not known.
  package var prevented: Bool?
  /// What noticed the attack; `nil` when nothing did or nothing looked.
  package var detected: Detection?
  /// The attack, or the act that led to it, is in the audit log.
  package var audited: Bool?
  /// The platform acted on the attacker.
  package var responded: Bool?
  package var evidence: [String]
  /// Criteria of the AICPA Trust Services (SOC 2) that the control serves: `CC6.1`.
  package var criteria: [String]
  package var durationMs: Int

  package struct Detection: Sendable, Hashable, Codable {
    package var rule: String
    package var latencyMs: Int

    package init(rule: String, latencyMs: Int) {
      self.rule = rule
      self.latencyMs = latencyMs
    }
  }

  package init(
    id: String, layer: String, title: String, finding: Finding, criteria: [String] = [], durationMs: Int = 0
  ) {
    self.id = id
    self.layer = layer
    self.title = title
    verdict = finding.verdict
    prevented = finding.prevented
    detected = finding.detected
    audited = finding.audited
    responded = finding.responded
    evidence = finding.evidence
    self.criteria = criteria
    self.durationMs = durationMs
  }
}
