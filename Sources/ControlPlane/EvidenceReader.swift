import APIModel
import AuditLog
import Compliance
import Crypto
import Faults
import Foundation
import Storage
import TextEncodings
import Turns

/// Reads what a report is made of: the audit log's records of a period, and the verifications that they tell of.
struct EvidenceReader: Sendable {
  /// Records that one report looks at; more take longer than an answer may.
  static let mostRecords: UInt64 = 500_000
  private static let page = 1_000
  /// A report is much work, and nobody needs two at once.
  private static let turn = Turn()

  let audit: any AuditAppending
  let store: Store

  /// - Throws: `Fault(.exhausted)` when the period has too many records; `Fault(.failed)` for a record that is changed.
  func read(_ period: ComplianceReport.Period) async throws -> (Evidence, ComplianceReport.Log) {
    try await Self.turn.take { try await gather(period) }
  }

  private func gather(_ period: ComplianceReport.Period) async throws -> (Evidence, ComplianceReport.Log) {
    let checkpoint = try await audit.checkpoint()
    let first = try await audit.head().first ?? 0
    let from = try await firstRecord(since: period.since, in: first..<checkpoint.size)
    let to = try await firstRecord(since: period.until, in: first..<checkpoint.size)
    guard to - from <= Self.mostRecords else {
      throw Fault(
        .exhausted, operation: "report on the Trust Services Criteria",
        reason: "the period has \(to - from) audit records, and a report looks at \(Self.mostRecords) at most",
        remedy: "make reports of shorter periods")
    }
    var evidence = Evidence(of: period)
    if first > 0, from == first, let record = try await audit.page(from: first, limit: 1).first {
      evidence.takeBeginning(record)
    }
    var index = from
    while index < to {
      try Task.checkCancellation()
      let records = try await audit.page(from: index, limit: Int(min(to - index, UInt64(Self.page))))
      guard let last = records.last else { throw missing(index) }
      for record in records {
        evidence.take(record)
        guard record.action == "verification.record", record.outcome == "allowed" else { continue }
        evidence.take(record, run: try await run(record))
      }
      index = last.index + 1
    }
    return (evidence, ComplianceReport.Log(checkpoint: checkpoint, from: from, to: to))
  }

  /// The first record of that time or later, by halving: records stand in the order of their times, but for a clock
  /// that was put back, which the report tells.
  private func firstRecord(since time: Date, in records: Range<UInt64>) async throws -> UInt64 {
    var (low, high) = (records.lowerBound, records.upperBound)
    while low < high {
      let middle = low + (high - low) / 2
      guard let record = try await audit.page(from: middle, limit: 1).first else { throw missing(middle) }
      if record.time < time { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func run(_ record: AuditRecordResource) async throws -> Result<RecordedRun, RecordedRun.Unreadable> {
    let id = String(record.target.dropFirst("verification ".count))
    let report = try await store.verification(id)?.report
    let digest = report.map { Hexadecimal.encode(SHA256.hash(data: Data($0.utf8))) }
    return Result { () throws(RecordedRun.Unreadable) in
      try RecordedRun(record, report: report, sha256: digest)
    }
  }

  private func missing(_ index: UInt64) -> Fault {
    Fault(
      .failed, operation: "read record \(index) of the audit log", reason: "the log has no such record any more",
      remedy: "run lobstack audit verify")
  }
}
