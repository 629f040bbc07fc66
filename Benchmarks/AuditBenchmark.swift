import AuditLog
import Foundation
import Glibc
import Storage

/// Durable appends to the audit log, against bare writes of as many bytes to the same disk.
enum AuditBenchmark {
  private static let records = 20_000

  static func run() async throws -> [Row] {
    let directory = try ScratchDirectory()
    defer { directory.remove() }
    var rows: [Row] = []
    let bare = try bareWrites(directory)
    for callers in [1, 64] {
      let count = callers == 1 ? 1_000 : records
      let log = "\(directory.path)/audit-\(callers)"
      let (samples, seconds) = try await append(count, callers: callers, directory: log)
      let rate = Int(Double(count) / seconds)
      var row = Row.compare(
        "audit append, \(callers) callers", samples, "write + fdatasync", bare,
        goal: callers == 1 ? "" : "10,000/s, p99 5 ms")
      row.figure = "\(rate)/s, \(row.figure)"
      rows.append(row)
    }
    return rows
  }

  private static func append(
    _ count: Int, callers: Int, directory: String
  ) async throws -> (Samples, seconds: Double) {
    let file = try await AuditFile.open(directory: directory)
    let start = ContinuousClock.now
    let times = try await withThrowingTaskGroup(of: [Duration].self) { group in
      for caller in 0..<callers {
        group.addTask {
          var times: [Duration] = []
          for number in 0..<(count / callers) {
            let record = record(caller * count + number)
            let begin = ContinuousClock.now
            _ = try await file.append(record)
            times.append(begin.duration(to: .now))
          }
          return times
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    let seconds = start.duration(to: .now).inMilliseconds / 1000
    try await file.close()
    return (Samples(times), seconds)
  }

  static func record(_ number: Int) -> AuditRecord {
    AuditRecord(
      time: Int64(number), actor: "token ops-laptop", action: "agent.exec", target: "agent acme/support-bot",
      outcome: "allowed", details: ["uid": "0123456789abcdef", "command": "/bin/sh -c id", "env": "LANG,PATH"])
  }

  /// One record's bytes at a time, each made durable: what the disk itself takes.
  private static func bareWrites(_ directory: ScratchDirectory) throws -> Samples {
    let file = open("\(directory.path)/bare", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw BenchmarkFailure("cannot write to \(directory.path)") }
    defer { close(file) }
    let bytes = try record(1).canonicalBytes()
    return Samples(
      try (0..<1_000).map { _ in
        let begin = ContinuousClock.now
        guard write(file, bytes, bytes.count) == bytes.count, fdatasync(file) == 0 else {
          throw BenchmarkFailure("cannot write to \(directory.path)")
        }
        return begin.duration(to: .now)
      })
  }
}
