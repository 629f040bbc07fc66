import APIModel
import AuditLog
import Dispatch
import Faults
import Files
import Foundation
import Instruments
import Logging
import ServiceLifecycle
import Storage

/// Moves the audit log's oldest records into segments by itself, as 'lobstack audit archive' does for root on one
/// machine: where nobody has a shell beside the log.
struct AuditArchivist: Service {
  struct Settings: Hashable, Sendable {
    /// Directory of the segments, which this program makes, and which nobody else may write to.
    var directory: String
    /// Records that are older.
    var age: Duration
  }

  private static let period = Duration.seconds(3_600)

  /// Directory of the log.
  let log: String
  let settings: Settings
  let audit: AuditTrail
  let logger: Logger
  let outcomes = Counter(
    "lobstack_audit_archivings_total", "Tries to archive records, by how they ended.", by: "outcome")

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        await tryOnce()
        do { try await Task.sleep(for: Self.period) } catch { return }
      }
    }
  }

  private func tryOnce() async {
    do {
      guard let segment = try await archive() else { return outcomes.add(1, "nothing") }
      outcomes.add(1, "archived")
      logger.notice(
        "Records are archived", metadata: ["segment": "\(segment.path)", "records": "\(segment.end - segment.first)"])
    } catch {
      // What is not archived stays in the log, and is tried again.
      outcomes.add(1, "failed")
      logger.error("Records are not archived", metadata: ["error": "\(error)"])
    }
  }

  /// - Returns: `nil` when no records are old enough.
  /// - Throws: `Fault` naming what of log or directory is not good; the log is as it was.
  func archive(now: Date = .now) async throws -> AuditSegment? {
    try prepare()
    let before = AuditRecord.nanoseconds(now.addingTimeInterval(-TimeInterval(settings.age.components.seconds)))
    let segment = try await Self.onQueue { [log, settings] in
      try AuditSegment.make(of: log, before: before, in: settings.directory)
    }
    guard let segment else { return nil }
    _ = try await audit.archive(
      AuditArchiving(records: segment.end, rootHash: segment.rootHash, segment: segment.path), by: "recorder")
    return segment
  }

  /// A volume's own directory belongs to root, and to a group that may write to it.
  private func prepare() throws {
    let files = FileManager.default
    if !files.fileExists(atPath: settings.directory) {
      do {
        try files.createDirectory(
          atPath: settings.directory, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
      } catch {
        throw Fault(
          .failed, operation: "make \(settings.directory)", reason: "\(error.localizedDescription)",
          remedy: "mount a volume there that this user may write to", cause: error)
      }
    }
    try Self.closeToGroup(settings.directory)
    for name in try files.contentsOfDirectory(atPath: settings.directory) where name.hasPrefix("records-") {
      let path = "\(settings.directory)/\(name)"
      // Of archivings that were cut off: they mean nothing, and take the volume's room.
      guard !name.hasSuffix(".new") else {
        try files.removeItem(atPath: path)
        continue
      }
      try Self.closeToGroup(path)
      for file in try files.contentsOfDirectory(atPath: path) { try Self.closeToGroup("\(path)/\(file)") }
    }
  }

  /// The kubelet lets the Pod's group, which is nobody else's, write to all of a volume whenever it is mounted.
  private static func closeToGroup(_ path: String) throws {
    guard let status = FileStatus(path), status.mode & 0o020 != 0, status.mode & 0o002 == 0 else { return }
    try FileManager.default.setAttributes([.posixPermissions: Int(status.mode & 0o707)], ofItemAtPath: path)
  }

  private static func onQueue<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "lobstack.audit.archive").async { continuation.resume(with: Result(catching: body)) }
    }
  }
}
