import APIModel
import FoundationEssentials

/// Judges what was gathered: each control by its evidence, each criterion by its controls.
package struct Judgement: Sendable {
  /// What has to be shown over a period must be shown at least so often; in seconds.
  package static let longestGap: TimeInterval = 31 * 86_400

  private var evidence: Evidence
  private let end: Date
  private let madeAt: Date

  /// - Parameter time: the present; of a period that ends later nothing can be known yet.
  package init(_ evidence: Evidence, at time: Date) {
    self.evidence = evidence
    madeAt = time
    end = min(evidence.period.until, time)
    self.evidence.close(at: end)
    tellFailures()
    tellWaivers()
  }

  package func report(platform: ComplianceReport.Platform, log: ComplianceReport.Log) -> ComplianceReport {
    let controls = Dictionary(
      Control.all.map { ($0.id, judge($0)) }, uniquingKeysWith: { first, _ in first })
    let criteria = Criterion.all.map { criterion in
      let own = Control.all.filter { $0.criteria.contains(criterion.id) }.compactMap { controls[$0.id] }
      return ComplianceReport.Criterion(
        id: criterion.id, title: criterion.title, status: Self.status(own.map(\.status)), controls: own,
        limits: criterion.limits)
    }
    let deviations = ComplianceReport.Deviation.Kind.allCases.compactMap { kind in
      evidence.deviations[kind].map {
        ComplianceReport.Deviation(kind: kind, title: kind.title, count: $0.count, items: $0.elements)
      }
    }
    return ComplianceReport(
      period: evidence.period, madeAt: madeAt, platform: platform, log: log, criteria: criteria,
      deviations: deviations, limits: Criterion.reportLimits)
  }

  /// One control that failed outweighs everything; what only acts when something happens does not count while nothing did.
  static func status(_ controls: [ComplianceReport.Status]) -> ComplianceReport.Status {
    let acted = controls.filter { $0 != .noOccurrence }
    if acted.contains(.failed) { return .failed }
    if acted.allSatisfy({ $0 == .noEvidence }) { return .noEvidence }
    return acted.allSatisfy { $0 == .evidenced } ? .evidenced : .partlyEvidenced
  }

  private func judge(_ control: Control) -> ComplianceReport.Control {
    let (status, reason, count, evidence) =
      switch control.source {
      case .check: judgeCheck(control.id)
      case .records(let rule): judgeRecords(self.evidence.found[control.id] ?? .init(), rule)
      }
    return ComplianceReport.Control(
      id: control.id, title: control.title, status: status, reason: reason, tags: control.tags.map(\.description),
      count: count, evidence: evidence)
  }

  private typealias Verdict = (
    status: ComplianceReport.Status, reason: String, count: Int, evidence: [ComplianceReport.Evidence]
  )

  // MARK: Checks

  private func judgeCheck(_ id: String) -> Verdict {
    let results = results(of: id)
    var sample = Sample<ComplianceReport.Evidence>()
    for (run, verdict) in results {
      sample.add(
        ComplianceReport.Evidence(
          kind: .verification, time: run.time, text: "\(verdict.rawValue) in \(run.title)", reference: run.reference))
    }
    let (status, reason) = standing(results)
    return (status, reason, sample.count, sample.elements)
  }

  private func standing(_ results: [(run: RecordedRun, verdict: RecordedRun.Verdict)]) -> (
    ComplianceReport.Status, String
  ) {
    func count(_ verdict: RecordedRun.Verdict) -> Int { results.count { $0.verdict == verdict } }
    let proven = results.filter { $0.verdict == .proven }.map(\.run.time)
    if let failed = results.lastIndex(where: { $0.verdict == .failed }) {
      return (
        .failed,
        "failed in \(count(.failed)) of \(runs(results.count)), \(provenAgain(after: failed, in: results))"
      )
    }
    guard let last = proven.last else {
      let seen = [(count(.waived), "waived"), (count(.notTestable), "not testable")].filter { $0.0 > 0 }
        .map { "\($0.1) in \(runs($0.0))" }
      return (
        .noEvidence,
        "no evidence in this period: "
          + (seen.isEmpty ? "no recorded run made this check" : seen.joined(separator: ", "))
      )
    }
    var doubts = gaps(between: proven)
    if count(.waived) > 0 { doubts.append("waived in \(runs(count(.waived)))") }
    if evidence.unreadable > 0 { doubts.append("\(runs(evidence.unreadable)) cannot be read") }
    let shown = "proven in \(runs(proven.count)), the last of \(APIJSON.text(last))"
    return doubts.isEmpty ? (.evidenced, shown) : (.partlyEvidenced, shown + "; but " + doubts.joined(separator: "; "))
  }

  private func gaps(between proven: [Date]) -> [String] {
    let marks = [evidence.period.since] + proven + [end]
    return zip(marks, marks.dropFirst()).filter { $1.timeIntervalSince($0) > Self.longestGap }.map {
      "not proven from \(APIJSON.text($0)) to \(APIJSON.text($1))"
    }
  }

  private func results(of id: String) -> [(run: RecordedRun, verdict: RecordedRun.Verdict)] {
    evidence.runs.compactMap { run in run.verdicts[id].map { (run, $0) } }
  }

  private func provenAgain(
    after index: Int, in results: [(run: RecordedRun, verdict: RecordedRun.Verdict)]
  ) -> String {
    guard let next = results[(index + 1)...].first(where: { $0.verdict == .proven }) else {
      return "and not proven again in this period"
    }
    return "proven again at \(APIJSON.text(next.run.time)) in run \(next.run.id)"
  }

  // MARK: Records

  private func judgeRecords(_ found: Evidence.Found, _ rule: RecordRule) -> Verdict {
    let (status, reason) = standing(found, rule)
    return (status, reason, found.evidence.count, found.evidence.elements)
  }

  private func standing(_ found: Evidence.Found, _ rule: RecordRule) -> (ComplianceReport.Status, String) {
    let open = found.open.count + found.notFollowed
    let shown = found.evidence.count == 1 ? "1 record" : "\(found.evidence.count) records"
    if found.failures > 0 { return (.failed, "failed in \(found.failures) of \(shown)") }
    if open > 0 { return (.partlyEvidenced, "\(shown); but the end of \(open) is not recorded in this period") }
    guard found.evidence.count > 0 else {
      return rule.isRegular
        ? (.noEvidence, "no evidence in this period: nothing of the kind is recorded")
        : (
          .noOccurrence,
          "nothing of the kind is recorded in this period\(found.probes > 0 ? " but by 'lobstack verify' itself" : "")"
        )
    }
    if found.gaps > 0 {
      let times = found.gaps == 1 ? "a time" : "\(found.gaps) times"
      return (.partlyEvidenced, "\(shown); but not in \(times) of more than 31 days")
    }
    return (.evidenced, shown)
  }

  // MARK: Deviations

  private mutating func tellFailures() {
    for control in Control.checks {
      let results = results(of: control.id)
      for index in results.indices where results[index].verdict == .failed {
        let run = results[index].run
        evidence.deviate(
          .checkFailed,
          .init(
            time: run.time,
            text: "\(control.id), \(control.title): FAILED in \(run.title), \(provenAgain(after: index, in: results))",
            reference: run.reference))
      }
    }
  }

  private mutating func tellWaivers() {
    var first: [RecordedRun.Waiver: RecordedRun] = [:]
    var states: [RecordedRun.Waiver: [String: Int]] = [:]
    var order: [RecordedRun.Waiver] = []
    for run in evidence.runs {
      for (waiver, state) in run.waivers {
        if first[waiver] == nil {
          first[waiver] = run
          order.append(waiver)
        }
        states[waiver, default: [:]][state, default: 0] += 1
      }
    }
    for waiver in order {
      guard let run = first[waiver] else { continue }
      let uses = (states[waiver] ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key) in \(runs($0.value))" }
      evidence.deviate(
        .checkWaived,
        .init(
          time: run.time,
          text: "\(waiver.check), until \(waiver.expires), by \(waiver.owner): \(waiver.reason) "
            + "(\(uses.joined(separator: ", ")); first in \(run.title))", reference: run.reference))
    }
  }

  private func runs(_ count: Int) -> String { count == 1 ? "1 run" : "\(count) runs" }
}

extension ComplianceReport.Deviation.Kind {
  var title: String {
    switch self {
    case .checkFailed: "checks that failed"
    case .checkWaived: "checks that were waived"
    case .verificationGap: "times of more than 31 days without a verification"
    case .reportUnreadable: "verifications whose reports are no evidence"
    case .responseFailed: "responses to alerts that failed"
    case .responseOpen: "alerts that asked for a response, whose end is not recorded in the period"
    case .destructionOpen: "agents deleted, whose destruction is not recorded in the period"
    case .admissionDenied: "agents that the policies refused"
    case .accessDenied: "access that was refused"
    case .policyRefused: "policies that were refused: nothing was created meanwhile"
    case .certificateFailed: "attempts to get the public certificate that failed"
    case .auditInterrupted: "times in which the audit log could not be written: what had to be recorded was refused"
    case .logBegins: "the log begins within the period, or older records of it are archived"
    case .clockStepped: "the clock went back"
    }
  }
}
