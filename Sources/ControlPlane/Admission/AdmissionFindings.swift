import Admission
import AgentModel
import FoundationEssentials
import Instruments
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
  }

  private let state = Mutex(State())
  private let violations = Counter(
    "lobstack_admission_violations_total", "Violations found before agents were created or changed.",
    by: "constraint", "action")
  private static let existing = MetricFamily(
    .gauge, "lobstack_admission_violations", "Violations of agents that exist.", by: ["constraint", "action"])

  /// What was found when an agent was created or changed.
  func record(_ finding: Finding, of uid: AgentUID) {
    state.withLock { $0.findings[uid] = (finding, .now) }
    for violation in finding.violations { count(violation) }
  }

  func refused(_ decision: Decision) {
    for violation in decision.violations { count(violation) }
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

  private func count(_ violation: Violation) { violations.add(1, Self.name(violation), violation.action.rawValue) }

  /// Policies name their constraints, which agents do not.
  private static func name(_ violation: Violation) -> String { "\(violation.constraintKind)/\(violation.constraint)" }

  func add(to exposition: inout Exposition) {
    exposition.add(violations)
    var counts: [LabelValues: Int] = [:]
    for violation in all.findings.flatMap(\.violations) {
      counts[[Self.name(violation), violation.action.rawValue], default: 0] += 1
    }
    let sorted = counts.sorted { $0.key.lexicographicallyPrecedes($1.key) }
    exposition.add(Self.existing, sorted.map { ($0.key, Double($0.value)) })
  }
}
