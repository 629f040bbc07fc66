import AuditLog
import Faults
import Foundation
import Storage
import Testing

@Suite("The audit file") struct AuditFileTests {
  private let fixture: AuditDirectoryFixture

  init() throws { fixture = try AuditDirectoryFixture() }

  @Test("keeps what was appended, over a restart") func persistence() async throws {
    let file = try await AuditFile.open(directory: fixture.log)
    #expect(await file.head.size == 0)
    for number in 0..<10 {
      let receipt = try await file.append(AuditDirectoryFixture.record(number))
      #expect(receipt.index == UInt64(number))
    }
    let head = await file.head
    try await file.close()
    let again = try await AuditFile.open(directory: fixture.log)
    #expect(await again.head == head)
    #expect(again.recovery == nil)
    #expect(again.verifierKey == file.verifierKey)
    let receipt = try await again.append(AuditDirectoryFixture.record(10))
    #expect(receipt.index == 10)
    let page = try await again.page(from: 0, limit: 100)
    #expect(page.map(\.record) == (0...10).map(AuditDirectoryFixture.record))
    #expect(page.map(\.index) == (0...10).map(UInt64.init))
    #expect(page.last?.leafHash == receipt.leafHash)
    try await again.close()
  }

  @Test("makes a key that only its owner reads") func modes() async throws {
    try await AuditFile.open(directory: fixture.log).close()
    let mode = { (file: String) in
      try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
    }
    #expect(try mode("\(fixture.log)/key") == 0o600)
    #expect(try mode(fixture.log) == 0o700)
    #expect(try fixture.bytes("key").count == 32)
  }

  @Test("acknowledges 1000 concurrent appends only once the disk has them, in order", .timeLimit(.minutes(1)))
  func concurrency() async throws {
    let file = try await AuditFile.open(directory: fixture.log)
    let receipts = try await withThrowingTaskGroup(of: (Int, AuditReceipt).self) { group in
      for number in 0..<1000 {
        group.addTask { (number, try await file.append(AuditDirectoryFixture.record(number))) }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    // Before `close`, from the files alone.
    let verification = try AuditFile.verify(directory: fixture.log)
    #expect(verification.ok)
    #expect(verification.size == 1000)
    #expect(Set(receipts.map(\.1.index)) == Set(0..<1000))
    let page = try await file.page(from: 0, limit: 1000)
    for (number, receipt) in receipts {
      #expect(page[Int(receipt.index)].record == AuditDirectoryFixture.record(number))
      #expect(page[Int(receipt.index)].leafHash == receipt.leafHash)
    }
    try await file.close()
  }

  @Test("pages from anywhere") func pages() async throws {
    try await fixture.fill(600, batch: 50)
    let file = try await AuditFile.open(directory: fixture.log)
    let all = try await file.page(from: 0, limit: 1000)
    #expect(all.count == 600)
    for (from, limit) in [(0, 1), (255, 2), (256, 256), (257, 1000), (599, 5), (600, 5), (10_000, 1), (3, 0), (3, -1)] {
      let page = try await file.page(from: UInt64(from), limit: limit)
      #expect(page == Array(all.dropFirst(from).prefix(max(0, limit))))
    }
    #expect(try await file.page(from: .max, limit: .max) == [])
    try await file.close()
  }

  @Test("proves its records and its growth to who has only the checkpoints") func proofs() async throws {
    try await fixture.fill(300, batch: 100)
    let file = try await AuditFile.open(directory: fixture.log)
    let verifier = try NoteVerifier(parsing: file.verifierKey)
    let older = try Checkpoint(verifying: await file.checkpoint(), with: verifier)
    _ = try await file.append(AuditDirectoryFixture.record(300))
    let newer = try Checkpoint(verifying: await file.checkpoint(), with: verifier)
    #expect([older.size, newer.size] == [300, 301])
    let growth = try await file.consistencyProof(from: 300, to: 301)
    #expect(growth.proves(firstRoot: older.root, secondRoot: newer.root))
    let entry = try #require(try await file.page(from: 77, limit: 1).first)
    let leaf = TreeHash.leaf(try entry.record.canonicalBytes())
    #expect("\(leaf)" == entry.leafHash)
    #expect(try await file.inclusionProof(77).proves(leaf: leaf, root: newer.root))
    #expect(try await file.inclusionProof(77, size: 300).proves(leaf: leaf, root: older.root))
    await #expect(throws: Fault.self) { try await file.inclusionProof(301) }
    try await file.close()
  }

  @Test("publishes its checkpoint soon, without being closed", .timeLimit(.minutes(1))) func checkpoint() async throws {
    let file = try await AuditFile.open(directory: fixture.log)
    _ = try await file.append(AuditDirectoryFixture.record(0))
    let note = await file.checkpoint()
    while String(decoding: try fixture.bytes("checkpoint"), as: UTF8.self) != note {
      try await Task.sleep(for: .milliseconds(10))
    }
    #expect(await file.checkpointFault == nil)
    try await file.close()
  }

  @Test("is open in one place at a time") func exclusive() async throws {
    let file = try await AuditFile.open(directory: fixture.log)
    let fault = await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    #expect(fault?.code == .conflict)
    try await file.close()
    let closed = await #expect(throws: Fault.self) { try await file.append(AuditDirectoryFixture.record(0)) }
    #expect(closed?.code == .unavailable)
    try await AuditFile.open(directory: fixture.log).close()
  }

  @Test("refuses a record over the limit, and goes on") func tooLong() async throws {
    let file = try await AuditFile.open(directory: fixture.log)
    var record = AuditDirectoryFixture.record(0)
    record.details["text"] = String(repeating: "x", count: 66_000)
    let fault = await #expect(throws: Fault.self) { try await file.append(record) }
    #expect(fault?.code == .invalid)
    #expect(try await file.append(AuditDirectoryFixture.record(0)).index == 0)
    try await file.close()
  }

  @Test(
    "refuses a directory whose key, records or checkpoint is gone", arguments: ["key", "records.log", "checkpoint"])
  func missingFile(name: String) async throws {
    try await fixture.fill(2)
    try FileManager.default.removeItem(atPath: "\(fixture.log)/\(name)")
    await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
  }

  @Test("refuses records whose public key is gone or another's") func otherKey() async throws {
    try await fixture.fill(2)
    let other = try AuditDirectoryFixture()
    try await other.fill(2)
    try fixture.write(other.bytes("key.pub"), to: "key.pub")
    await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    try FileManager.default.removeItem(atPath: "\(fixture.log)/key.pub")
    await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
  }

  @Test("finishes a first start that was interrupted", arguments: ["records.log", "checkpoint", "key.pub"])
  func interruptedStart(first missing: String) async throws {
    try await AuditFile.open(directory: fixture.log).close()
    // Everything from this file on was not made yet.
    for file in ["records.log", "checkpoint", "key.pub"].drop(while: { $0 != missing }) {
      try FileManager.default.removeItem(atPath: "\(fixture.log)/\(file)")
    }
    let file = try await AuditFile.open(directory: fixture.log)
    _ = try await file.append(AuditDirectoryFixture.record(0))
    try await file.close()
    #expect(try AuditFile.verify(directory: fixture.log).ok)
  }

  @Test("says so when there is no log to verify") func nothing() {
    #expect(throws: Fault.self) { try AuditFile.verify(directory: fixture.path) }
    #expect(throws: Fault.self) { try AuditFile.verify(directory: fixture.log) }
  }
}
