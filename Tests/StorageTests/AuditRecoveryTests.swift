import AuditLog
import Faults
import Foundation
import Storage
import Testing

#if canImport(Glibc)
  import Glibc
#endif

@Suite("The audit file after a crash") struct AuditRecoveryTests {
  private let fixture: AuditDirectoryFixture

  init() throws { fixture = try AuditDirectoryFixture() }

  /// Five records, of which the checkpoint on disk knows the first three.
  private func crashed() async throws -> AuditDirectoryFixture {
    try await fixture.fill(3)
    let checkpoint = try fixture.bytes("checkpoint")
    let file = try await AuditFile.open(directory: fixture.log)
    for number in 3..<5 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
    let copy = try fixture.copyOfLog()
    try copy.write(checkpoint, to: "checkpoint")
    try await file.close()
    return copy
  }

  @Test("cuts off exactly what a crash cut short, at every possible byte") func tornTail() async throws {
    let crashed = try await crashed()
    let whole = try crashed.bytes("records.log")
    let checkpoint = try crashed.bytes("checkpoint")
    let frames = try crashed.frames()
    let durableEnd = frames.last { $0.isSeal && $0.index == 3 }?.range.upperBound ?? 0
    for count in durableEnd...whole.count {
      try crashed.write(Array(whole.prefix(count)), to: "records.log")
      try crashed.write(checkpoint, to: "checkpoint")
      let kept = frames.filter { $0.range.upperBound <= count }
      let records = UInt64(kept.filter { !$0.isSeal }.count)
      let end = kept.last?.range.upperBound ?? 0

      let before = try AuditFile.verify(directory: crashed.log)
      #expect(before.ok)
      #expect(before.tornBytes == count - end)
      #expect(before.size + before.unsealedRecords == records)

      // Opening synchronizes several times: enough to try it where the case changes, and at some bytes between.
      let isEdge = frames.contains {
        abs($0.range.upperBound - count) <= 1 || abs($0.range.lowerBound + 16 - count) <= 1
      }
      guard isEdge || count.isMultiple(of: 37) else { continue }

      let file = try await AuditFile.open(directory: crashed.log)
      #expect(await file.head.size == records)
      let isClean = count == end && kept.last?.isSeal == true
      #expect((file.recovery == nil) == isClean)
      #expect(file.recovery.map { $0.discardedBytes == count - end && $0.offset == UInt64(end) } ?? true)
      #expect(try await file.append(AuditDirectoryFixture.record(9)).index == records)
      try await file.close()
      let after = try AuditFile.verify(directory: crashed.log)
      #expect(after.ok && after.size == records + 1 && after.tornBytes == 0)
    }
  }

  @Test("never cuts off a whole record, right or wrong") func wrongTail() async throws {
    let crashed = try await crashed()
    let last = try #require(try crashed.frames().last { !$0.isSeal })
    let whole = Array(try crashed.bytes("records.log").prefix(last.range.upperBound))
    for place in last.range {
      var bytes = whole
      bytes[place] ^= 0x10
      try crashed.write(bytes, to: "records.log")
      let fault = await #expect(throws: Fault.self) { try await AuditFile.open(directory: crashed.log) }
      #expect(fault?.reason.contains("record 4 at byte \(last.range.lowerBound) ") == true)
      #expect(try crashed.bytes("records.log") == bytes)
    }
  }

  @Test("refuses to open without what the checkpoint counts") func cutBelowCheckpoint() async throws {
    try await fixture.fill(4)
    let whole = try fixture.bytes("records.log")
    for count in stride(from: 0, to: whole.count, by: 7) {
      try fixture.write(Array(whole.prefix(count)), to: "records.log")
      await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
      #expect(try fixture.bytes("records.log").count == count)
    }
  }

  @Test(
    "throws when the disk is full, and goes on when there is room again", .enabled(if: AuditRecoveryTests.hasRoot),
    .timeLimit(.minutes(1)))
  func fullDisk() async throws {
    let disk = "\(fixture.path)/disk"
    try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: false)
    try #require(mount("tmpfs", disk, "tmpfs", 0, "size=256k") == 0)
    defer { umount2(disk, Int32(MNT_DETACH)) }
    let log = "\(disk)/audit"
    let file = try await AuditFile.open(directory: log)
    var appended = 0
    for number in 0..<20 {
      _ = try await file.append(AuditDirectoryFixture.record(number))
      appended += 1
    }
    let filler = "\(disk)/filler"
    #expect(FileManager.default.createFile(atPath: filler, contents: nil))
    let handle = try #require(FileHandle(forWritingAtPath: filler))
    while write(handle.fileDescriptor, "x", 1) == 1 {}
    try handle.close()

    var fault: Fault?
    while fault == nil {
      do {
        _ = try await file.append(AuditDirectoryFixture.record(appended))
        appended += 1
      } catch { fault = error as? Fault }
      try #require(appended < 10_000)
    }
    #expect(fault?.code == .exhausted)
    let full = try AuditFile.verify(directory: log)
    #expect(full.ok && full.size == UInt64(appended) && full.tornBytes == 0 && full.unsealedRecords == 0)

    try FileManager.default.removeItem(atPath: filler)
    #expect(try await file.append(AuditDirectoryFixture.record(appended)).index == UInt64(appended))
    try await file.close()
    let mended = try AuditFile.verify(directory: log)
    #expect(mended.ok && mended.size == UInt64(appended) + 1)
    let again = try await AuditFile.open(directory: log)
    #expect(again.recovery == nil)
    #expect(
      try await again.page(from: 0, limit: 1000).map(\.record) == (0...appended).map(AuditDirectoryFixture.record))
    try await again.close()
  }

  private static var hasRoot: Bool {
    geteuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"
  }
}
