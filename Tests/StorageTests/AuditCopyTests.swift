import AuditLog
import Faults
import Foundation
import Storage
import Testing

@Suite("A copy of an audit log") struct AuditCopyTests {
  private let fixture: AuditDirectoryFixture
  private var target: String { "\(fixture.path)/copy" }

  init() throws {
    fixture = try AuditDirectoryFixture()
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
  }

  @Test("is made while the log is written, and the log that goes on from it extends its checkpoint") func live()
    async throws
  {
    try await fixture.fill(20, batch: 5)
    let file = try await AuditFile.open(directory: fixture.log)
    async let writing: Void = {
      for number in 20..<60 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
    }()
    let head = try AuditFile.copy(from: fixture.log, to: target)
    _ = try await writing
    try await file.close()
    #expect(head.size >= 20)
    let copied = try AuditFile.verify(directory: target, trustedKey: head.verifierKey)
    #expect(copied.ok && copied.size == head.size && copied.rootHash == head.rootHash && copied.unsealedRecords == 0)
    let checkpoint = try String(contentsOfFile: "\(target)/checkpoint", encoding: .utf8)
    #expect(
      try AuditFile.verify(
        directory: fixture.log, extending: [WitnessedNotes(reading: Array(checkpoint.utf8), name: "c")]
      ).ok)
    let again = try await AuditFile.open(directory: target)
    #expect(again.recovery == nil)
    #expect(try await again.append(AuditDirectoryFixture.record(1)).index == head.size)
    try await again.close()
    #expect(
      try AuditFile.verify(directory: target, extending: [WitnessedNotes(reading: Array(checkpoint.utf8), name: "c")])
        .ok)
  }

  @Test("of one that ends in a record cut short ends at its last seal") func torn() async throws {
    try await fixture.fill(3)
    let whole = try fixture.bytes("records.log")
    try fixture.write(whole + [1, 0, 0, 9], to: "records.log")
    #expect(try AuditFile.copy(from: fixture.log, to: target).size == 3)
    #expect(try Data(contentsOf: URL(filePath: "\(target)/records.log")) == Data(whole))
  }

  @Test("of an empty log is an empty log") func empty() async throws {
    try await AuditFile.open(directory: fixture.log).close()
    #expect(try AuditFile.copy(from: fixture.log, to: target).size == 0)
    #expect(try AuditFile.verify(directory: target).ok)
  }

  @Test("of one that was changed is not made, and the record is named") func changed() async throws {
    try await fixture.fill(5)
    var bytes = try fixture.bytes("records.log")
    bytes[try fixture.frames()[4].range.lowerBound + 20] ^= 1
    try fixture.write(bytes, to: "records.log")
    let fault = #expect(throws: Fault.self) { try AuditFile.copy(from: fixture.log, to: target) }
    #expect(fault?.reason.hasPrefix("record 2 at byte") == true, "\(fault?.reason ?? "")")
  }

  @Test("of a newer form is refused as such, and so is the log") func newer() async throws {
    try await fixture.fill(1)
    var bytes = try fixture.bytes("records.log")
    bytes.replaceSubrange(14..<15, with: Array("3".utf8))
    try fixture.write(bytes, to: "records.log")
    let fault = await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    #expect(fault?.code == .unsupported && fault?.reason.contains("its form is 3, this program knows 2") == true)
  }
}
