import AuditLog
import Faults
import Foundation
import Storage
import Testing

@Suite("An audit log and what its witness kept") struct AuditWitnessTests {
  private let fixture: AuditDirectoryFixture

  init() throws { fixture = try AuditDirectoryFixture() }

  /// A closed log of ten records, of which a witness kept a checkpoint after each two.
  private func witnessedLog() async throws -> [String] {
    var notes: [String] = []
    for start in stride(from: 0, to: 10, by: 2) { notes.append(try await grow(from: start)) }
    return notes
  }

  @discardableResult
  private func grow(from start: Int, marked text: String = "") async throws -> String {
    let file = try await AuditFile.open(directory: fixture.log)
    for number in start..<(start + 2) {
      var record = AuditDirectoryFixture.record(number)
      record.details["text"] = text
      _ = try await file.append(record)
    }
    try await file.close()
    return await file.checkpoint()
  }

  private func verify(_ notes: [String], key: String? = nil, in directory: String? = nil) throws -> AuditVerification {
    try AuditFile.verify(
      directory: directory ?? fixture.log, trustedKey: key, extending: [try WitnessedNotes(notes, name: "w")])
  }

  private func key() throws -> String { String(decoding: try fixture.bytes("key.pub").dropLast(), as: UTF8.self) }

  @Test("agree while nobody touched either, in any order and with the same checkpoint twice") func agrees() async throws
  {
    let notes = try await witnessedLog()
    let verification = try verify((notes + notes).shuffled())
    let witnesses = try #require(verification.witnesses)
    #expect(verification.ok && witnesses.checkpoints == 10 && witnesses.size == 10)
    #expect(witnesses.otherLogs == 0 && witnesses.unreadableLines == 0)
    // It may have grown since.
    try await grow(from: 10)
    let longer = try verify(notes)
    #expect(longer.ok && longer.size == 12 && longer.witnesses?.size == 10)
  }

  @Test("show a log that was set back, together with its own checkpoint, to an older copy") func setBack() async throws
  {
    var copies: [AuditDirectoryFixture] = []
    var notes: [String] = []
    for start in stride(from: 0, to: 10, by: 2) {
      notes.append(try await grow(from: start))
      copies.append(try fixture.copyOfLog())
    }
    for (place, copy) in copies.dropLast().enumerated() {
      #expect(try AuditFile.verify(directory: copy.log).ok, "by itself nothing shows")
      let size = 2 * (place + 1)
      let bad = try #require(try verify(notes, in: copy.log).firstBad)
      #expect(bad.file == .records && bad.index == UInt64(size))
      #expect(bad.reason.contains("set back to an older copy") && bad.reason.contains("counts \(size + 2) records"))
      #expect(bad.reason.contains("line \(place + 2) of w"))
      // Not even when it has gone on since.
      let file = try await AuditFile.open(directory: copy.log)
      for number in 20..<30 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
      try await file.close()
      let later = try #require(try verify(notes, in: copy.log).firstBad)
      #expect(later.index == UInt64(size) && later.reason.contains("written anew"))
    }
  }

  @Test("show records that were written anew with the log's own key, and between which checkpoints") func rewritten()
    async throws
  {
    let notes = try await witnessedLog()
    let keys = (try fixture.bytes("key"), try fixture.bytes("key.pub"))
    let forged = try AuditDirectoryFixture()
    let name = try NoteVerifier(parsing: try key()).name
    let empty = try await AuditFile.open(directory: forged.log, origin: name)
    try await empty.close()
    // The thief has the key: the log is signed by it from its first record on.
    let signer = try NoteSigner(name: name, seed: keys.0)
    try forged.write(keys.0, to: "key")
    try forged.write(keys.1, to: "key.pub")
    let none = try Checkpoint(origin: name, size: 0, root: .emptyRoot).signed(by: signer).encoded
    try forged.write(Array(none.utf8), to: "checkpoint")
    let file = try await AuditFile.open(directory: forged.log)
    for number in 0..<10 {
      var record = AuditDirectoryFixture.record(number)
      record.details["text"] = number == 5 ? "nothing happened" : ""
      _ = try await file.append(record)
    }
    try await file.close()
    #expect(try AuditFile.verify(directory: forged.log, trustedKey: try key()).ok, "by itself nothing shows")
    let bad = try #require(try verify(notes, key: try key(), in: forged.log).firstBad)
    #expect(bad.index == 4 && bad.reason.contains("one or more of records 4 to 5 were written anew"))
    #expect(bad.reason.contains("line 3 of w"))
    let fault = await #expect(throws: Fault.self) {
      let file = try await AuditFile.open(directory: forged.log)
      _ = try await file.extends(try WitnessedNotes(notes, name: "w"))
    }
    #expect(fault?.code == .denied)
  }

  @Test("show a log that another one with another key replaced, with and without the key") func replaced() async throws
  {
    let notes = try await witnessedLog()
    let trusted = try key()
    try FileManager.default.removeItem(atPath: fixture.log)
    let other = try await witnessedLog()
    #expect(try AuditFile.verify(directory: fixture.log).ok, "by itself nothing shows")
    let bad = try #require(try verify(notes).firstBad)
    #expect(bad.file == .witness && bad.reason.contains("stands in its place") && bad.reason.contains("line 1 of w"))
    #expect(try verify(notes + other).firstBad?.file == .witness)
    #expect(try verify(notes, key: trusted).firstBad?.file == .publicKey)
    // With its key known, checkpoints of others are left out; none of its own is nothing to hold it against.
    let own = try verify(notes + other, key: try key())
    #expect(own.ok && own.witnesses?.otherLogs == 5 && own.witnesses?.checkpoints == 5)
    #expect(try verify(notes, key: try key()).firstBad?.file == .witness)
  }

  @Test("show a checkpoint that is forged or changed, and a witness that holds none") func forgedWitness() async throws
  {
    var notes = try await witnessedLog()
    let forger = NoteSigner(name: try NoteVerifier(parsing: try key()).name)
    let forged = try Checkpoint(origin: forger.verifier.name, size: 4, root: .leaf([1])).signed(by: forger).encoded
    let bad = try #require(try verify(notes + [forged]).firstBad)
    #expect(bad.file == .witness && bad.reason.contains("line 6 of w") && bad.reason.contains("no signature"))
    notes[1] = notes[1].replacing("\n4\n", with: "\n5\n")
    #expect(try verify(notes).firstBad?.reason.contains("line 2 of w") == true)
    #expect(try verify([]).firstBad?.reason.contains("no checkpoint") == true)
  }

  @Test("show a cut, a dropped, a swapped and a changed record, and files that are gone") func others() async throws {
    let notes = try await witnessedLog()
    let whole = try fixture.bytes("records.log")
    let frames = try fixture.frames()
    let records = frames.filter { !$0.isSeal }.map(\.range)
    func index(_ bytes: [UInt8]) throws -> UInt64? {
      try fixture.write(bytes, to: "records.log")
      return try verify(notes).firstBad?.index
    }
    var flipped = whole
    flipped[records[6].lowerBound + 20] ^= 1
    #expect(try index(flipped) == 6)
    #expect(try index(Array(whole[..<records[7].lowerBound])) == 7)
    #expect(try index(Array(whole[..<records[3].lowerBound] + whole[records[3].upperBound...])) == 3)
    let swapped =
      whole[..<records[2].lowerBound] + whole[records[3]] + whole[records[2]] + whole[records[3].upperBound...]
    // Each record has a seal of its own here, or shares one: what stands between the two is left out.
    #expect(try index(Array(swapped)) == 2)
    try FileManager.default.removeItem(atPath: "\(fixture.log)/records.log")
    #expect(try verify(notes).firstBad?.file == .records)
    for name in ["checkpoint", "key", "key.pub"] {
      try FileManager.default.removeItem(atPath: "\(fixture.log)/\(name)")
    }
    let emptied = #expect(throws: Fault.self) { try verify(notes) }
    #expect(emptied?.code == .notFound)
    try FileManager.default.removeItem(atPath: fixture.log)
    #expect(throws: Fault.self) { try verify(notes) }
  }

  @Test("are compared by the log that is open") func open() async throws {
    let notes = try await witnessedLog()
    let older = try fixture.copyOfLog()
    let longer = try await grow(from: 10)
    let file = try await AuditFile.open(directory: older.log)
    #expect(try await file.extends(try WitnessedNotes(notes, name: "w")) == 5)
    #expect(try await file.extends(WitnessedNotes([], name: "w")) == 0)
    let fault = await #expect(throws: Fault.self) {
      try await file.extends(WitnessedNotes(notes + [longer], name: "w"))
    }
    #expect(fault?.code == .denied && fault?.reason.contains("10 records, and the witness saw 12") == true)
    let torn = WitnessedNotes(reading: Array(#"{"checkpoint":"lobst"#.utf8), name: "w")
    let nothing = await #expect(throws: Fault.self) { try await file.extends(torn) }
    #expect(nothing?.code == .denied)
    try await file.close()
  }
}

extension WitnessedNotes {
  /// As a file has them, one a line.
  fileprivate init(_ notes: [String], name: String) throws {
    let lines = try notes.map { try WitnessedNote.line($0, at: Date(timeIntervalSince1970: 0)) + "\n" }
    self.init(reading: Array(lines.joined().utf8), name: name)
  }
}
