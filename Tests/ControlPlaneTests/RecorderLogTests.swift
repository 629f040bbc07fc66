import APIModel
import AlertForwarding
import AuditLog
import Faults
import Foundation
import Logging
import Storage
import Testing

@testable import ControlPlane

/// The recorder's own way with a log on the disk.
@Suite("The log of a recorder", .timeLimit(.minutes(1))) struct RecorderLogTests {
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  private let directory = NSTemporaryDirectory() + "lobstack-recorder-log-\(UUID().uuidString)"

  private var log: String { "\(directory)/audit" }

  private func with(_ body: (AuditTrail, AuditLogFile) async throws -> Void) async throws {
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    let file = try await AuditLogFile.open(directory: log, logger: Self.logger)
    let result: Result<Void, any Error>
    do { result = .success(try await body(AuditTrail(log: file, logger: Self.logger), file)) } catch {
      result = .failure(error)
    }
    try await file.close()
    try result.get()
  }

  private func append(_ names: String..., to audit: AuditTrail) async throws {
    for name in names {
      try await audit.require(AuditEvent(actor: "a", action: "b", target: name, outcome: "allowed"))
    }
  }

  @Test("goes on with everything that was answered when it ended without a word, and proves it") func torn()
    async throws
  {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let (records, checkpoint) = (URL(filePath: "\(log)/records.log"), URL(filePath: "\(log)/checkpoint"))
    var (root, length, note) = ("", 0, Data())
    try await with { audit, file in
      try await append("one", "two", to: audit)
      root = try await file.head().rootHash
    }
    length = try Data(contentsOf: records).count
    note = try Data(contentsOf: checkpoint)
    try await with { audit, _ in try await append("lost", to: audit) }
    // What SIGKILL or a full disk leaves of a record that nobody was told of.
    try note.write(to: checkpoint)
    let file = try FileHandle(forUpdating: records)
    try file.truncate(atOffset: UInt64(length + 21))
    try file.close()
    try await with { audit, file in
      let head = try await file.head()
      #expect(head.size == 2 && head.rootHash == root)
      try await append("three", to: audit)
      #expect(try await file.page(from: 0, limit: 9).map(\.target) == ["one", "two", "three"])
      _ = try await file.proof(index: 1)
    }
    let verified = try AuditFile.verify(directory: log)
    #expect(verified.ok && verified.size == 3 && verified.tornBytes == 0)
  }

  @Test("is archived by itself into segments that verify, and what is left goes on with the same root")
  func archived() async throws {
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let output = "\(directory)/segments"
    try await with { audit, file in
      try await append("old-1", "old-2", to: audit)
      let archivist = AuditArchivist(
        log: log, settings: AuditArchivist.Settings(directory: output, age: .seconds(3_600)), audit: audit,
        logger: Self.logger)
      // Nothing is an hour old.
      #expect(try await archivist.archive() == nil)
      // Of one that was cut off.
      let left = "\(output)/records-0-1.7.new"
      try FileManager.default.createDirectory(atPath: left, withIntermediateDirectories: false)
      let later = Date.now.addingTimeInterval(7_200)
      let segment = try #require(try await archivist.archive(now: later))
      #expect(segment.first == 0 && segment.end == 2 && segment.path == "\(output)/records-0-1")
      #expect(try FileManager.default.contentsOfDirectory(atPath: output) == ["records-0-1"])
      #expect(try AuditFile.verify(directory: segment.path).ok)
      let head = try await file.head()
      #expect(head.first == 2)
      let rest = try await file.page(from: 2, limit: 9)
      #expect(rest.map(\.action) == ["audit.archive", "audit.archive"])
      #expect(rest.map(\.outcome) == ["allowed", "archived"] && rest.allSatisfy { $0.actor == "recorder" })
      // The next goes on after it, also when the volume was mounted anew, which opens all of it to the Pod's group.
      for path in [output, segment.path, "\(segment.path)/records.log"] { #expect(chmod(path, 0o2770) == 0) }
      let next = try #require(try await archivist.archive(now: later))
      #expect(next.first == 2 && next.end == 4)
      let closed = try FileManager.default.attributesOfItem(atPath: "\(segment.path)/records.log")
      #expect(closed[.posixPermissions] as? Int == 0o700)
    }
    // Others could put there what they like.
    try await with { audit, _ in
      #expect(chmod(output, 0o777) == 0)
      let archivist = AuditArchivist(
        log: log, settings: AuditArchivist.Settings(directory: output, age: .seconds(1)), audit: audit,
        logger: Self.logger)
      let fault = await #expect(throws: Fault.self) { try await archivist.archive(now: .now.addingTimeInterval(60)) }
      #expect(fault?.code == .denied)
    }
  }
}
