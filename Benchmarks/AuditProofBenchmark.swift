import AuditLog
import Foundation
import Storage

/// Proofs and searches in a long audit log, and how long it takes to verify all of it.
///
///     LOBSTACK_AUDIT_RECORDS=100000 benchmarks audit-proofs       default: 10,000,000, which take 3 GB of the disk
enum AuditProofBenchmark {
  private static let samples = 1_000
  /// As many at once as one batch of the log takes.
  private static let callers = 1_024

  static func run() async throws -> [Row] {
    let wanted = ProcessInfo.processInfo.environment["LOBSTACK_AUDIT_RECORDS"].flatMap { Int($0) } ?? 10_000_000
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    let log = "\(directory.path)/audit"
    var file = try await AuditFile.open(directory: log)
    let (filling, kept) = try await fill(file, wanted)
    let size = await file.head.size
    var rows = [
      Row(what: "audit append, \(callers) callers, \(size) records", figure: "\(Int(Double(size) / filling))/s")
    ]
    rows += try await proofs(file, size)
    rows.append(try await scan(file, size))
    try await file.close()
    // Signatures, hashes and records, and that it extends all that a witness kept.
    let witnessed = WitnessedNotes(reading: Array(kept.joined().utf8), name: "witness")
    let verifying = try await timed {
      let result = try AuditFile.verify(directory: log, extending: [witnessed])
      guard result.ok, result.size == size, result.witnesses?.checkpoints == kept.count else {
        throw BenchmarkFailure("the log does not verify: \(result)")
      }
    }
    rows.append(Row(what: "verify all of \(size), \(kept.count) witnessed checkpoints", figure: seconds(verifying)))
    let opening = try await timed { file = try await AuditFile.open(directory: log) }
    rows.append(Row(what: "open a log of \(size)", figure: seconds(opening)))
    try await file.close()
    let bytes = try FileManager.default.attributesOfItem(atPath: "\(log)/records.log")[.size] as? Int ?? 0
    rows.append(Row(what: "a record on the disk", figure: "\(bytes / Int(size)) bytes"))
    return rows
  }

  /// - Returns: seconds, and lines of a witness that gets a checkpoint now and then.
  private static func fill(_ file: AuditFile, _ count: Int) async throws -> (Double, [String]) {
    var kept: [String] = []
    let start = ContinuousClock.now
    for part in 0..<10 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for caller in 0..<callers {
          group.addTask {
            for number in 0..<(count / callers / 10) {
              _ = try await file.append(AuditBenchmark.record(part * caller + number))
            }
          }
        }
        try await group.waitForAll()
      }
      kept.append(try WitnessedNote.line(await file.checkpoint(), at: .now) + "\n")
    }
    return (start.duration(to: .now).inMilliseconds / 1_000, kept)
  }

  private static func proofs(_ file: AuditFile, _ size: UInt64) async throws -> [Row] {
    guard let root = TreeHash(hex: await file.head.rootHash) else { throw BenchmarkFailure("the root is none") }
    var (making, checking, consistency) = ([Duration](), [Duration](), [Duration]())
    var (longest, longestConsistency) = (0, 0)
    for _ in 0..<samples {
      let index = UInt64.random(in: 0..<size)
      guard let entry = try await file.page(from: index, limit: 1).first, let leaf = TreeHash(hex: entry.leafHash)
      else { throw BenchmarkFailure("there is no record \(index)") }
      var begin = ContinuousClock.now
      let proof = try await file.inclusionProof(index)
      making.append(begin.duration(to: .now))
      begin = .now
      guard proof.proves(leaf: leaf, root: root) else { throw BenchmarkFailure("record \(index) is not proven") }
      checking.append(begin.duration(to: .now))
      longest = max(longest, proof.hashes.count)
      begin = .now
      let growth = try await file.consistencyProof(from: index + 1, to: size)
      consistency.append(begin.duration(to: .now))
      longestConsistency = max(longestConsistency, growth.hashes.count)
    }
    func extent(_ hashes: Int) -> String { "at most \(hashes) hashes, \(hashes * TreeHash.byteCount) bytes" }
    return [
      Row(what: "inclusion proof made", figure: "\(Row.text(Samples(making))); \(extent(longest))"),
      Row(what: "inclusion proof checked", figure: Row.text(Samples(checking))),
      Row(what: "consistency proof made", figure: "\(Row.text(Samples(consistency))); \(extent(longestConsistency))"),
    ]
  }

  /// What one request of a search that finds nothing looks at, page by page.
  private static func scan(_ file: AuditFile, _ size: UInt64) async throws -> Row {
    var times: [Duration] = []
    for _ in 0..<20 {
      let first = UInt64.random(in: 0...(size - min(size, 20_000)))
      let begin = ContinuousClock.now
      for page in 0..<40 { _ = try await file.page(from: first + UInt64(page) * 500, limit: 500) }
      times.append(begin.duration(to: .now))
    }
    return Row(what: "20,000 records searched, one request", figure: Row.text(Samples(times)))
  }

  private static func timed(_ body: () async throws -> Void) async throws -> Double {
    let start = ContinuousClock.now
    try await body()
    return start.duration(to: .now).inMilliseconds / 1_000
  }

  private static func seconds(_ value: Double) -> String { String(format: "%.1f s", value) }
}
