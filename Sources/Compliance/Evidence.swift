import APIModel
import FoundationEssentials

/// What the audit log of a period holds for a report, gathered record by record in bounded memory.
package struct Evidence: Sendable {
  typealias Item = ComplianceReport.Deviation.Item
  typealias Kind = ComplianceReport.Deviation.Kind

  /// What is recorded for a control.
  struct Found: Sendable {
    var evidence = Sample<ComplianceReport.Evidence>()
    var failures = 0
    /// Records of what `verify` did itself, which are no evidence.
    var probes = 0
    /// Begun and not ended, by the value of the pair's key.
    var open: [String: Item] = [:]
    /// Begun after `mostOpen`, which nobody followed up.
    var notFollowed = 0
    /// When something last happened that has to happen regularly.
    var last: Date?
    /// Times in which it did not happen often enough.
    var gaps = 0
  }

  /// Pairs of one control that are followed at once.
  static let mostOpen = 10_000
  /// Time that goes back by more than this is told: records that come at once may differ a little.
  private static let step: TimeInterval = 60
  /// Runs whose verdicts are kept: more than the platform keeps reports of.
  static let mostRuns = 3_000

  package let period: ComplianceReport.Period
  private(set) var found: [String: Found] = [:]
  private(set) var deviations: [Kind: Sample<Item>] = [:]
  private(set) var runs: [RecordedRun] = []
  /// Runs of which it is not known whether a check failed in them.
  private(set) var unreadable = 0
  private var clock: Date?
  private var runIDs: Set<String> = []
  private var probeTokens: Set<String> = []

  package init(of period: ComplianceReport.Period) { self.period = period }

  /// Takes the log's next record. One that is a verification's goes to `take(_:run:)` as well.
  package mutating func take(_ record: AuditRecordResource) {
    if let clock, record.time < clock - Self.step {
      deviate(.clockStepped, record, "the clock went back from \(APIJSON.text(clock)) to \(APIJSON.text(record.time))")
    }
    clock = record.time
    guard period.contains(record.time) else { return }
    if record.index == 0, record.time > period.since {
      deviate(.logBegins, record, "the log begins at \(APIJSON.text(record.time)); before that there is no evidence")
    }
    if let kind = Self.deviation(of: record) {
      let more = record.details["refusals.before"].flatMap { Int($0) } ?? 0
      deviate(kind, record, record.line, weight: 1 + max(0, min(more, 1_000_000_000)))
    }
    guard let controls = Self.controls[record.action] else { return }
    let isProbe = isProbe(record)
    for control in controls { take(record, for: control.id, control.rule, isProbe: isProbe) }
  }

  /// Takes the first record of a log whose older records are archived, when the period begins before it.
  package mutating func takeBeginning(_ record: AuditRecordResource) {
    guard record.time > period.since else { return }
    deviate(
      .logBegins, record,
      "records before \(record.index), of \(APIJSON.text(record.time)), are archived: what they show is not in this report"
    )
  }

  /// Takes what the record of a verification is about.
  package mutating func take(_ record: AuditRecordResource, run: Result<RecordedRun, RecordedRun.Unreadable>) {
    guard period.contains(record.time) else { return }
    switch run {
    case .success(let run) where runs.count < Self.mostRuns:
      // One report that came twice at once has two records.
      if runIDs.insert(run.id).inserted { runs.append(run) }
    case .success:
      unreadable += 1
      deviate(.reportUnreadable, record, "\(record.line): the period has more runs than a report looks at")
    case .failure(let failure):
      if failure.mayDissent { unreadable += 1 }
      deviate(.reportUnreadable, record, "\(record.line): \(failure.reason)")
    }
  }

  private mutating func take(_ record: AuditRecordResource, for id: String, _ rule: RecordRule, isProbe: Bool) {
    func matches(_ pattern: RecordRule.Pattern) -> Bool {
      pattern.matches(action: record.action, outcome: record.outcome)
    }
    var entry = found.removeValue(forKey: id) ?? Found()
    defer { found[id] = entry }
    let isFailure = rule.failures.contains(where: matches)
    if isFailure { entry.failures += 1 }
    let isEvidence = rule.evidence.contains(where: matches)
    if isEvidence, isProbe {
      entry.probes += 1
    } else if isEvidence || isFailure {
      entry.evidence.add(
        ComplianceReport.Evidence(kind: .audit, time: record.time, text: record.line, reference: .init(to: record)))
      if rule.isRegular {
        note(gapIn: &entry, until: record.time)
        entry.last = record.time
      }
    }
    guard let pair = rule.pair, let key = record.details[pair.key].map(shortened) else { return }
    if pair.ends.contains(where: matches) { entry.open[key] = nil }
    guard matches(pair.begins), !pair.unless.contains(where: { record.details[$0.key] == $0.value }) else { return }
    guard entry.open.count < Self.mostOpen else { return entry.notFollowed += 1 }
    entry.open[key] = Item(time: record.time, text: record.line, reference: .init(to: record))
  }

  /// The end of what was gathered: what is still open is a deviation, and so is time without what is regular.
  mutating func close(at end: Date) {
    for control in Control.processes {
      guard case .records(let rule) = control.source else { continue }
      if rule.isRegular {
        var entry = found.removeValue(forKey: control.id) ?? Found()
        note(gapIn: &entry, until: end)
        found[control.id] = entry
      }
      guard let pair = rule.pair, let entry = found[control.id] else { continue }
      for item in entry.open.values.sorted(by: { $0.time < $1.time }) {
        deviations[pair.deviation, default: .init()].add(item)
      }
      if entry.notFollowed > 0 {
        let item = Item(time: end, text: "\(entry.notFollowed) more were not followed up", reference: nil)
        deviations[pair.deviation, default: .init()].add(item, weight: entry.notFollowed)
      }
    }
  }

  mutating func deviate(_ kind: Kind, _ item: Item) { deviations[kind, default: .init()].add(item) }

  private mutating func deviate(_ kind: Kind, _ record: AuditRecordResource, _ text: String, weight: Int = 1) {
    let item = Item(time: record.time, text: text, reference: .init(to: record))
    deviations[kind, default: .init()].add(item, weight: weight)
  }

  private mutating func note(gapIn entry: inout Found, until time: Date) {
    let start = entry.last ?? period.since
    guard time.timeIntervalSince(start) > Judgement.longestGap else { return }
    entry.gaps += 1
    deviate(
      .verificationGap,
      Item(
        time: start, text: "no verification was recorded from \(APIJSON.text(start)) to \(APIJSON.text(time))",
        reference: nil))
  }

  /// The record of a token's end names no tenant, that of its beginning does.
  private mutating func isProbe(_ record: AuditRecordResource) -> Bool {
    if record.action == "token.revoke", probeTokens.remove(record.target) != nil { return true }
    guard Probe.isSubject(of: record) else { return false }
    if record.action == "token.create", probeTokens.count < Self.mostOpen { probeTokens.insert(record.target) }
    return true
  }

  private static func deviation(of record: AuditRecordResource) -> Kind? {
    switch (record.action, record.outcome) {
    case ("admission", "denied"): .admissionDenied
    case ("access", "denied"), ("authenticate", "denied"): .accessDenied
    case ("policy.load", "failed"): .policyRefused
    case ("certificate.obtain", "failed"): .certificateFailed
    case ("alert.respond", "failed"): .responseFailed
    case ("audit.resume", _): .auditInterrupted
    default: nil
    }
  }

  /// The controls that a record's action concerns.
  private static let controls: [String: [(id: String, rule: RecordRule)]] = {
    var controls: [String: [(id: String, rule: RecordRule)]] = [:]
    for control in Control.processes {
      guard case .records(let rule) = control.source else { continue }
      for action in rule.actions { controls[action, default: []].append((control.id, rule)) }
    }
    return controls
  }()
}

extension RecordRule {
  /// All actions whose records it looks at.
  var actions: Set<String> {
    let paired = pair.map { [$0.begins] + $0.ends } ?? []
    return Set((evidence + failures + paired).map(\.action))
  }
}

extension AuditRecordResource {
  /// Details that are told with a record, in this order. Nothing that a program was given is among them.
  private static let told = [
    "version", "constraints", "tier", "proven", "failed", "notTestable", "waived", "rule", "priority", "response",
    "role", "tenant", "not.after", "reason", "refusals.before",
  ]

  /// "token.create of token ci (4f…) by uid 0: allowed (role operator)".
  fileprivate var line: String {
    let details = Self.told.compactMap { key in self.details[key].map { "\(key) \(shortened($0))" } }
    return "\(shortened(action)) of \(shortened(target)) by \(shortened(actor)): \(shortened(outcome))"
      + (details.isEmpty ? "" : " (\(details.joined(separator: ", ")))")
  }
}
