import Deadlines

/// Runs checks: several at once where they do not disturb each other, each with its deadline.
package struct Runner: Sendable {
  private let checks: [Check]
  private let waivers: [Waiver]
  private let today: String
  private let width: Int
  private let progress: @Sendable (CheckReport) -> Void

  /// - Parameters:
  ///   - today: the day, `YYYY-MM-DD`, by which waivers are judged.
  ///   - width: how many checks run at once.
  ///   - progress: called as each check finishes.
  package init(
    _ checks: [Check], waivers: [Waiver] = [], today: String = "", width: Int = 6,
    progress: @escaping @Sendable (CheckReport) -> Void = { _ in }
  ) {
    self.checks = checks
    self.waivers = waivers
    self.today = today
    self.width = max(1, width)
    self.progress = progress
  }

  /// Runs everything; the report is in the order of the checks.
  ///
  /// - Throws: `CancellationError` when the task is cancelled: half a report would look like a whole one.
  package func run() async throws -> VerificationReport {
    var reports: [Int: CheckReport] = [:]
    let together = checks.indices.filter { !checks[$0].isAlone }
    try await withThrowingTaskGroup(of: (Int, CheckReport).self) { group in
      var waiting = together[...]
      for _ in 0..<width {
        if let index = waiting.popFirst() { group.addTask { (index, try await run(checks[index])) } }
      }
      while let (index, report) = try await group.next() {
        reports[index] = report
        if let next = waiting.popFirst() { group.addTask { (next, try await run(checks[next])) } }
      }
    }
    for index in checks.indices where checks[index].isAlone { reports[index] = try await run(checks[index]) }
    let done = checks.indices.compactMap { reports[$0] }
    return VerificationReport(
      checks: done, waivers: waivers.map { WaiverReport(waiver: $0, state: state(of: $0, done)) })
  }

  private func run(_ check: Check) async throws -> CheckReport {
    let clock = ContinuousClock()
    let start = clock.now
    let finding = waived(try await finding(of: check), check)
    let elapsed = start.duration(to: clock.now)
    let report = CheckReport(
      id: check.id, layer: check.layer, title: check.title, finding: finding, criteria: check.criteria,
      durationMs: elapsed.milliseconds)
    progress(report)
    return report
  }

  private func finding(of check: Check) async throws -> Finding {
    do {
      let finding = try await withDeadline(check.deadline, check.body)
      guard finding.verdict == .proven, finding.evidence.isEmpty else { return finding }
      return Finding(.failed, evidence: ["no evidence"])
    } catch {
      try Task.checkCancellation()
      switch error {
      case let reason as NotTestable: return Finding(.notTestable, evidence: [reason.description])
      case is DeadlinePassed:
        return Finding(.failed, evidence: ["no evidence: the check did not end within \(check.deadline)"])
      default: return Finding(.failed, evidence: ["no evidence: \(error)"])
      }
    }
  }

  private func waived(_ finding: Finding, _ check: Check) -> Finding {
    guard finding.verdict != .proven,
      let waiver = waivers.first(where: { $0.check == check.id && $0.holds(on: today) })
    else { return finding }
    var waived = finding
    waived.verdict = .waived
    waived.evidence.insert(
      "waived by \(waiver.owner) until \(waiver.expires): \(waiver.reason) "
        + "(the check itself said \(finding.verdict.rawValue))", at: 0)
    return waived
  }

  private func state(of waiver: Waiver, _ reports: [CheckReport]) -> WaiverReport.State {
    guard waiver.holds(on: today) else { return .expired }
    return switch reports.first(where: { $0.id == waiver.check })?.verdict {
    case nil: .unused
    case .waived: .applied
    default: .unneeded
    }
  }
}

struct DeadlinePassed: Error {}

/// Runs `body`, and ends it by cancellation when the time is up.
///
/// - Throws: `DeadlinePassed`, or what `body` throws.
func withDeadline<Value: Sendable>(
  _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  try await withDeadline(limit, orThrow: DeadlinePassed(), body)
}

extension Duration {
  package var milliseconds: Int { Int(components.seconds) * 1000 + Int(components.attoseconds / 1_000_000_000_000_000) }
}
