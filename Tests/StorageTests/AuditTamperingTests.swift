import AuditLog
import Crypto
import Faults
import Foundation
import Storage
import Testing

@Suite("A tampered audit log") struct AuditTamperingTests {
  private let fixture: AuditDirectoryFixture

  init() throws { fixture = try AuditDirectoryFixture() }

  private func verify() throws -> AuditVerification { try AuditFile.verify(directory: fixture.log) }

  @Test("is good while nobody touched it") func untouched() async throws {
    try await fixture.fill(6, batch: 2)
    let verification = try verify()
    #expect(verification.ok && verification.size == 6 && verification.firstBad == nil)
    #expect(verification.unsealedRecords == 0 && verification.tornBytes == 0)
    let file = try await AuditFile.open(directory: fixture.log)
    let head = await file.head
    #expect(head.size == 6 && head.rootHash == verification.rootHash)
    #expect(try AuditFile.verify(directory: fixture.log, trustedKey: file.verifierKey).ok)
    #expect(try AuditFile.verify(directory: fixture.log, trustedKey: "other").firstBad?.file == .publicKey)
    try await file.close()
  }

  @Test("names the record of every single flipped byte") func flippedByte() async throws {
    try await fixture.fill(5, batch: 2)
    let whole = try fixture.bytes("records.log")
    let frames = try fixture.frames()
    for place in whole.indices {
      var bytes = whole
      bytes[place] ^= UInt8(1 << (place % 8))
      try fixture.write(bytes, to: "records.log")
      let verification = try verify()
      let bad = try #require(verification.firstBad, "byte \(place)")
      #expect(!verification.ok && bad.file == .records)
      guard let frame = frames.first(where: { $0.range.contains(place) }) else {
        #expect(place < 16 && bad.index == 0 && bad.offset == 0)
        continue
      }
      #expect(bad.offset == UInt64(frame.range.lowerBound), "byte \(place)")
      if !frame.isSeal {
        #expect(bad.index == UInt64(frame.index), "byte \(place)")
      } else {
        // A seal has no index: its header counts to the next record, its body to the last that it seals.
        #expect([UInt64(frame.index), UInt64(frame.index) - 1].contains(bad.index), "byte \(place)")
      }
    }
    try fixture.write(whole, to: "records.log")
    #expect(try verify().ok)
  }

  @Test("shows a flipped byte in checkpoint and public key", arguments: ["checkpoint", "key.pub"])
  func flippedElsewhere(name: String) async throws {
    try await fixture.fill(3)
    let whole = try fixture.bytes(name)
    for place in whole.indices {
      var bytes = whole
      bytes[place] ^= UInt8(1 << (place % 7))
      try fixture.write(bytes, to: name)
      let verification = try verify()
      #expect(!verification.ok && verification.firstBad?.file.rawValue == name, "byte \(place)")
      await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    }
  }

  @Test("names the first of a dropped, doubled or swapped record") func order() async throws {
    try await fixture.fill(6, batch: 6)
    let whole = try fixture.bytes("records.log")
    let ranges = try fixture.frames().filter { !$0.isSeal }.map(\.range)
    let seal = try #require(try fixture.frames().last).range
    func rewritten(_ order: [Int]) throws -> AuditDefect? {
      let bytes = Array(whole.prefix(16)) + order.flatMap { whole[ranges[$0]] } + whole[seal]
      try fixture.write(bytes, to: "records.log")
      let verification = try verify()
      #expect(verification.ok == (verification.firstBad == nil))
      return verification.firstBad
    }
    #expect(try rewritten([0, 1, 2, 3, 4, 5]) == nil)
    #expect(try rewritten([0, 1, 3, 4, 5])?.index == 2)
    // Not where it stood in the file: a seal between the first records, if there was one, is left out as well.
    #expect(try rewritten([0, 1, 3, 4, 5])?.offset == UInt64(16 + ranges[0].count + ranges[1].count))
    #expect(try rewritten([0, 1, 2, 3, 4])?.index == 5)
    #expect(try rewritten([0, 1, 1, 2, 3, 4, 5])?.index == 2)
    #expect(try rewritten([0, 2, 1, 3, 4, 5])?.index == 1)
    #expect(try rewritten([])?.index == 0)
  }

  @Test("names the first record that was cut off, at every length") func truncated() async throws {
    try await fixture.fill(5, batch: 2)
    let whole = try fixture.bytes("records.log")
    let frames = try fixture.frames()
    for count in 0..<whole.count {
      try fixture.write(Array(whole.prefix(count)), to: "records.log")
      let bad = try #require(try verify().firstBad, "\(count) bytes")
      let kept = frames.filter { !$0.isSeal && $0.range.upperBound <= count }.count
      // With all records there and only the last seal cut, the last record lacks its signature.
      #expect(bad.index == UInt64(min(kept, 4)), "\(count) bytes")
    }
    try FileManager.default.removeItem(atPath: "\(fixture.log)/records.log")
    #expect(try verify().firstBad?.reason.contains("no such file") == true)
  }

  @Test("is never taken for good with bytes missing or added inside, and never a trap", arguments: [1, 8, 31, 64, 400])
  func damaged(count: Int) async throws {
    try await fixture.fill(4, batch: 2)
    let whole = try fixture.bytes("records.log")
    for place in stride(from: 0, to: whole.count - count, by: 11) {
      let damages: [[UInt8]] = [
        [], [UInt8](repeating: 0, count: 2 * count), [UInt8](repeating: 0xFF, count: count), whole.suffix(count),
      ]
      for replacement in damages where replacement != Array(whole[place..<(place + count)]) {
        try fixture.write(whole[..<place] + replacement + whole[(place + count)...], to: "records.log")
        #expect(try !verify().ok, "byte \(place)")
      }
    }
  }

  @Test("shows records set back behind the checkpoint") func rolledBack() async throws {
    try await fixture.fill(4)
    let older = try fixture.bytes("records.log")
    let file = try await AuditFile.open(directory: fixture.log)
    for number in 4..<7 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
    try await file.close()
    try fixture.write(older, to: "records.log")
    let bad = try #require(try verify().firstBad)
    #expect(bad.index == 4)
    #expect(bad.offset == UInt64(older.count))
    #expect(bad.reason.contains("7 records"))
  }

  @Test("is caught by its seals when every stored hash is computed anew", arguments: 0..<8)
  func recomputed(changed: Int) async throws {
    try await fixture.fill(8, batch: 4)
    let frames = try fixture.frames()
    let frame = try #require(frames.first { !$0.isSeal && $0.index == changed })
    var bytes = try fixture.bytes("records.log")
    // One letter of a value, which leaves the record canonical.
    bytes[frame.range.upperBound - 33] ^= 1
    let body = Array(bytes[(frame.range.lowerBound + 16)..<(frame.range.upperBound - 32)])
    bytes.replaceSubrange((frame.range.upperBound - 32)..<frame.range.upperBound, with: TreeHash.leaf(body).bytes)
    try fixture.write(bytes, to: "records.log")
    let seals = [0] + frames.filter(\.isSeal).map(\.index)
    let interval = seals.last { $0 <= changed } ?? 0
    let verification = try verify()
    #expect(verification.firstBad?.index == UInt64(interval))
    #expect(verification.size == UInt64(interval))
    #expect(verification.firstBad?.reason.contains("changed") == true)
    let fault = await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    #expect(fault?.reason.contains("record \(interval) at byte ") == true)
  }

  @Test("is caught when its seals are forged too, for want of the key") func forgedSeals() async throws {
    try await fixture.fill(4, batch: 4)
    let verifier = try NoteVerifier(parsing: String(decoding: fixture.bytes("key.pub").dropLast(), as: UTF8.self))
    let forger = NoteSigner(name: verifier.name)
    // A log of the forger's own, with the victim's name and public key.
    let forged = try AuditDirectoryFixture()
    let file = try await AuditFile.open(directory: forged.log, origin: forger.verifier.name)
    for number in 10..<14 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
    try await file.close()
    try fixture.write(forged.bytes("records.log"), to: "records.log")
    #expect(try verify().firstBad?.file == .records)
    #expect(try verify().firstBad?.index == 0)
    try fixture.write(forged.bytes("checkpoint"), to: "checkpoint")
    #expect(try verify().firstBad?.index == 0)
    #expect(try verify().ok == false)
  }
}
