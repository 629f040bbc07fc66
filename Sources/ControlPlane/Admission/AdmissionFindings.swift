import Admission
import AgentModel
import FoundationEssentials
import Synchronization

/// What the policies say of the agents that exist, and how often they refused.
final class AdmissionFindings: Sendable {
  struct Finding: Sendable {
    var id: AgentID
    /// Of the policies that were asked.
    var version: String
    var violations: [Violation]
  }

  private struct State {
    var findings: [AgentUID: (finding: Finding, at: ContinuousClock.Instant)] = [:]
    /// Why agents could not be judged.
    var failures: [String] = []
    var auditedAt: Date?
    /// By constraint and action, since the control plane started.
    var counts: [Count: Int] = [:]
  }

  private struct Count: Hashable, Comparable {
    var constraint: String
    var action: String

    static func < (left: Count, right: Count) -> Bool {
      (left.constraint, left.action) < (right.constraint, right.action)
    }
  }

  private let state = Mutex(State())

  /// What was found when an agent was created or changed.
  func record(_ finding: Finding, of uid: AgentUID) {
    state.withLock { state in
      state.findings[uid] = (finding, .now)
      for violation in finding.violations { Self.count(violation, in: &state.counts) }
    }
  }

  func refused(_ decision: Decision) {
    state.withLock { state in for violation in decision.violations { Self.count(violation, in: &state.counts) } }
  }

  /// What was found when all agents were asked about.
  ///
  /// - Parameter start: when that began; what was found of an agent since is newer.
  func replace(_ findings: [AgentUID: Finding], failures: [String], since start: ContinuousClock.Instant, at time: Date)
  {
    state.withLock { state in
      let newer = state.findings.filter { $0.value.at >= start }
      state.findings = findings.mapValues { ($0, start) }.merging(newer) { _, newer in newer }
      (state.failures, state.auditedAt) = (failures, time)
    }
  }

  func finding(of uid: AgentUID) -> Finding? { state.withLock { $0.findings[uid]?.finding } }

  var all: (findings: [Finding], failures: [String], auditedAt: Date?) {
    state.withLock { ($0.findings.values.map(\.finding), $0.failures, $0.auditedAt) }
  }

  /// In Prometheus' text form.
  var metrics: String {
    let (counts, findings) = state.withLock { ($0.counts, $0.findings.values.map(\.finding.violations)) }
    var lines = [
      "# HELP lobstack_admission_violations_total Violations found before agents were created or changed.",
      "# TYPE lobstack_admission_violations_total counter",
    ]
    for (count, number) in counts.sorted(by: { $0.key < $1.key }) {
      lines.append("lobstack_admission_violations_total{\(Self.labels(count))} \(number)")
    }
    var existing: [Count: Int] = [:]
    for violation in findings.joined() { Self.count(violation, in: &existing) }
    lines += [
      "# HELP lobstack_admission_violations Violations of agents that exist.",
      "# TYPE lobstack_admission_violations gauge",
    ]
    for (count, number) in existing.sorted(by: { $0.key < $1.key }) {
      lines.append("lobstack_admission_violations{\(Self.labels(count))} \(number)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func count(_ violation: Violation, in counts: inout [Count: Int]) {
    counts[
      Count(
        constraint: "\(violation.constraintKind)/\(violation.constraint)", action: violation.action.rawValue),
      default: 0] += 1
  }

  private static func labels(_ count: Count) -> String {
    "constraint=\"\(escapedLabel(count.constraint))\",action=\"\(count.action)\""
  }
}
