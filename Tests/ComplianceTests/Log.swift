import APIModel
import Foundation

@testable import Compliance

/// A made-up audit log with verifications, day by day.
struct Log {
  static let start = Date(timeIntervalSince1970: 1_800_000_000)
  static func day(_ day: Double) -> Date { start + day * 86_400 }

  /// Thirty days, unless a test says otherwise.
  var period = ComplianceReport.Period(since: day(0), until: day(30))
  private var records: [(AuditRecordResource, Result<RecordedRun, RecordedRun.Unreadable>?)] = []

  init(days: Double = 30) { period.until = Self.day(days) }

  @discardableResult
  mutating func add(
    _ action: String, _ outcome: String = "allowed", on day: Double, target: String = "agent default/bot",
    actor: String = "uid 0", details: [String: String] = [:]
  ) -> AuditRecordResource {
    let record = AuditRecordResource(
      // The first number is not 0: the log has not begun in the period.
      index: UInt64(records.count + 100), time: Self.day(day), actor: actor, action: action, target: target,
      outcome: outcome, details: details, leafHash: String(repeating: "ab", count: 32))
    records.append((record, nil))
    return record
  }

  /// Records a run of `verify` with these verdicts, all others of the catalogue being `otherwise`.
  mutating func verify(
    on day: Double, _ verdicts: [String: String] = [:], otherwise: String? = "PROVEN", waivers: String = "[]",
    sha256: String = "5a", stored: Bool = true
  ) {
    var all: [String: String] = [:]
    if let otherwise { for control in Control.checks { all[control.id] = otherwise } }
    all.merge(verdicts) { $1 }
    let checks = all.map { #"{"id":"\#($0.key)","verdict":"\#($0.value)"}"# }.joined(separator: ",")
    let report =
      #"{"run":{"id":"run-\#(records.count)","tier":"full","version":"1.0.0"},"checks":[\#(checks)],"waivers":\#(waivers)}"#
    let record = add(
      "verification.record", on: day, target: "verification run-\(records.count)",
      details: [
        "sha256": "5a", "tier": "full", "failed": "\(all.values.count { $0 == "FAILED" })",
        "waived": "\(all.values.count { $0 == "WAIVED" })",
      ])
    records[records.count - 1].1 = Result { () throws(RecordedRun.Unreadable) in
      try RecordedRun(record, report: stored ? report : nil, sha256: stored ? sha256 : nil)
    }
  }

  func report(at time: Date? = nil) -> ComplianceReport {
    var evidence = Evidence(of: period)
    for (record, run) in records {
      evidence.take(record)
      if let run { evidence.take(record, run: run) }
    }
    let checkpoint = AuditCheckpointResource(
      size: 500, rootHash: "00ff", note: "log\n500\n\n— log x", verifierKey: "key")
    return Judgement(evidence, at: time ?? period.until).report(
      platform: .init(instance: "test", version: "1.0.0", policies: nil),
      log: .init(checkpoint: checkpoint, from: 100, to: 200))
  }
}

extension ComplianceReport {
  func control(_ id: String) -> Control? { criteria.flatMap(\.controls).first { $0.id == id } }
  func criterion(_ id: String) -> Criterion? { criteria.first { $0.id == id } }
  func deviation(_ kind: Deviation.Kind) -> Deviation? { deviations.first { $0.kind == kind } }
}
