import AuditLog
import Faults
import Foundation
import SeededRandom
import Testing

@testable import Storage

@Suite("Archived segments and the log that goes on from them") struct AuditSegmentTests {
  private let fixture: AuditDirectoryFixture
  private var output: String { "\(fixture.path)/archive" }
  private var segments: [String] { ["records-0-9", "records-10-19"].map { "\(output)/\($0)" } }

  init() throws { fixture = try AuditDirectoryFixture() }

  /// Thirty records, twenty of them in two segments, and a witness's checkpoints after each five.
  private func archived(marked text: String = "") async throws -> [String] {
    _ = try fixture.makeArchive()
    var notes: [String] = []
    for start in stride(from: 0, to: 30, by: 5) {
      let file = try await AuditFile.open(directory: fixture.log)
      for number in start..<(start + 5) {
        var record = AuditDirectoryFixture.record(number)
        record.details["text"] = number == 7 ? text : ""
        _ = try await file.append(record)
      }
      notes.append(await file.checkpoint())
      if start == 15 || start == 25 {
        let made = try #require(
          try AuditSegment.make(of: fixture.log, before: start == 15 ? 10 : 20, in: output))
        try await file.archive(first: made.end, rootHash: made.rootHash)
      }
      try await file.close()
    }
    return notes
  }

  private func verify(_ notes: [String] = [], withSegments: Bool = true) throws -> AuditVerification {
    let lines = try notes.map { try WitnessedNote.line($0, at: Date(timeIntervalSince1970: 0)) + "\n" }.joined()
    return try AuditFile.verify(
      directory: fixture.log, extending: notes.isEmpty ? [] : [WitnessedNotes(reading: Array(lines.utf8), name: "w")],
      segments: withSegments ? [output] : [])
  }

  private func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: path))) }
  private func write(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(filePath: path)) }

  @Test("hold every witnessed checkpoint, with the segments and by the hashes; without both the log is not good")
  func witnessed() async throws {
    let notes = try await archived()
    for withSegments in [true, false] {
      let found = try verify(notes, withSegments: withSegments)
      #expect(found.ok && found.first == 20 && found.witnesses?.checkpoints == 6 && found.witnesses?.uncompared == nil)
    }
    let file = try await AuditFile.open(directory: fixture.log)
    let all = WitnessedNotes(reading: Array(notes.joined(separator: "\n").utf8), name: "w")
    #expect(try await file.extends(all) == 6)
    try await file.close()
    try FileManager.default.removeItem(atPath: "\(fixture.log)/leaves")
    // Over 20 records begins the log, so it is compared.
    let without = try verify(notes, withSegments: false)
    #expect(!without.ok && without.witnesses?.uncompared == 3 && without.firstBad?.file == .leaves)
    #expect(try verify(notes).ok && verify(notes).witnesses?.uncompared == nil)
    let fault = await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    #expect(fault?.reason.contains("leaves is missing") == true)
    // A segment is a log of its own, with what came before it or without.
    let second = try AuditFile.verify(directory: segments[1], segments: [segments[0]])
    #expect(second.ok && second.first == 10 && second.size == 20 && second.segments?.verified == [segments[0]])
    #expect(try AuditFile.verify(directory: segments[1]).ok)
  }

  @Test("show every flipped byte of the start, and that the platform does not start with it") func start() async throws
  {
    _ = try await archived()
    let whole = try fixture.bytes("records.log")
    let end = try #require(try fixture.frames().first { $0.index == 20 && !$0.isSeal }).range.upperBound
    #expect(end < whole.count)
    for place in 0..<end {
      var changed = whole
      changed[place] ^= UInt8(1 << (place % 8))
      try fixture.write(changed, to: "records.log")
      #expect(try verify(withSegments: false).firstBad?.file == .records, "byte \(place)")
      if place.isMultiple(of: 31) {
        await #expect(throws: Fault.self, "byte \(place)") { try await AuditFile.open(directory: fixture.log) }
      }
    }
  }

  @Test("show every flipped byte of the hashes, and hashes that are cut short") func leaves() async throws {
    let notes = try await archived()
    let whole = try fixture.bytes("leaves")
    #expect(whole.count == 20 * 32)
    for place in stride(from: 0, to: whole.count, by: 11) {
      var changed = whole
      changed[place] ^= 1
      try fixture.write(changed, to: "leaves")
      let bad = try verify(notes, withSegments: false).firstBad
      #expect(bad?.file == .leaves && bad?.reason.contains("not those that the log goes on from") == true)
      await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    }
    try fixture.write(whole.dropLast(), to: "leaves")
    #expect(try verify().firstBad?.reason.contains("ends before the hash of record 19") == true)
    // What an archiving that was cut off left behind it means nothing.
    try fixture.write(whole + whole, to: "leaves")
    #expect(try verify(notes).ok)
    try await AuditFile.open(directory: fixture.log).close()
  }

  @Test("cannot be made to begin elsewhere without the key, also by parts that it signed") func forgedStart()
    async throws
  {
    _ = try await archived()
    let whole = try fixture.bytes("records.log")
    let verifier = try AuditDirectory(path: fixture.log).readVerifier()
    let start = try AuditStart(parsing: whole[...], verifier: verifier)
    #expect(start.size == 20 && start.cuts == [10, 20])
    // By another key of the same name.
    let forged = try start.cut(at: start.frontier, signer: NoteSigner(name: verifier.name)).bytes
    // A seal, which the log's key did sign, in the place of a start.
    let seal = try AuditDirectory(path: segments[0]).readCheckpointBytes()
    var passed = AuditFrame.startedFileHeader
    AuditFrame.append(.start, index: 10, body: seal, hash: AuditFrame.hash(.start, seal), to: &passed)
    // The segment's start before the log's records, and the old form's header before them.
    let older = try bytes("\(segments[1])/records.log")
    let olderStart = try AuditStart(parsing: older[...], verifier: verifier)
    let rest = whole[Int(start.end)...]
    for beginning in [forged, passed, Array(older.prefix(Int(olderStart.end))), AuditFrame.fileHeader] {
      try fixture.write(beginning + rest, to: "records.log")
      #expect(try verify(withSegments: false).firstBad != nil)
      await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    }
    // A start is none of the log's records.
    try fixture.write(whole + whole[16..<Int(start.end)], to: "records.log")
    #expect(try verify(withSegments: false).firstBad?.index == 30)
  }

  @Test("are no start, whatever bytes they are") func fuzz() async throws {
    _ = try await archived()
    let whole = try fixture.bytes("records.log")
    let verifier = try AuditDirectory(path: fixture.log).readVerifier()
    let end = Int(try AuditStart(parsing: whole[...], verifier: verifier).end)
    let beginning = Array(whole.prefix(end))
    var run = FuzzRun("start of an audit log")
    for _ in 0..<3_000 {
      let bytes = run.random.mutate(
        beginning, words: ["peaks ", "segments ", "\n", "— ", "lobstack-audit2\n"].map { Array($0.utf8) })
      // What comes after a start is no part of it; a file of the old form has none.
      guard !bytes.starts(with: beginning), !bytes.starts(with: AuditFrame.fileHeader) else { continue }
      #expect(throws: Fault.self) { try AuditStart(parsing: bytes[...], verifier: verifier) }
    }
    // Well formed and well signed, and still no start: texts that say something else than they sign.
    let signer = try NoteSigner(name: verifier.name, seed: try AuditDirectory(path: fixture.log).readSeed())
    let start = try AuditStart(parsing: whole[...], verifier: verifier)
    let text = Checkpoint(origin: verifier.name, size: 20, root: start.frontier.root).text
    let peaks = start.frontier.peaks.map { Base64.encode($0.bytes) }
    let right = "segments 10 20\npeaks \(peaks.joined(separator: " "))\n"
    for lines in [
      right, "segments 10 20\npeaks \(peaks[0])\n",
      "segments 10 20\npeaks \(peaks.reversed().joined(separator: " "))\n", "segments 10 20\n", "",
      "segments 20 10 20\npeaks \(peaks.joined(separator: " "))\n",
      "segments 10\npeaks \(peaks.joined(separator: " "))\n",
      "segments 0 20\npeaks \(peaks.joined(separator: " "))\n",
      "segments 010 20\npeaks \(peaks.joined(separator: " "))\n",
      "segments \npeaks \(peaks.joined(separator: " "))\n",
      "segments 10 20\npeaks \(peaks.joined(separator: " "))\nmore\n",
    ] {
      let body = Array(try SignedNote(signing: text + lines, with: signer).encoded.utf8)
      var bytes = AuditFrame.startedFileHeader
      AuditFrame.append(.start, index: 20, body: body, hash: AuditFrame.hash(.start, body), to: &bytes)
      let found = try? AuditStart(parsing: bytes[...], verifier: verifier)
      #expect(found == (lines == right ? start : nil), "\(lines)")
    }
  }

  @Test("say which of them was changed, cut, set back, replaced, or is missing") func segmentTampering() async throws {
    let notes = try await archived()
    for path in segments {
      let records = "\(path)/records.log"
      let whole = try bytes(records)
      var changed = whole
      changed[whole.count - 400] ^= 1
      try write(changed, records)
      #expect(try verify().firstBad?.segment == path)
      try write(Array(whole.dropLast(10)), records)
      #expect(try verify().firstBad?.segment == path)
      try write(whole + whole.suffix(60), records)
      #expect(try verify().firstBad?.segment == path)
      try write(whole, records)

      // Cut short, with a checkpoint that the log's key signed then.
      let checkpoint = try bytes("\(path)/checkpoint")
      try write(Array(notes[path == segments[0] ? 0 : 2].utf8), "\(path)/checkpoint")
      let cut = try #require(try verify().firstBad)
      #expect(cut.reason.contains("is missing") && cut.reason.contains("cut short, set back"))
      try write(checkpoint, "\(path)/checkpoint")

      try FileManager.default.moveItem(atPath: path, toPath: "\(fixture.path)/away")
      let missing = try #require(try verify().firstBad)
      #expect(missing.reason.contains("the segment \(URL(filePath: path).lastPathComponent) is missing"))
      try FileManager.default.moveItem(atPath: "\(fixture.path)/away", toPath: path)
    }
    let other = try AuditDirectoryFixture()
    try await other.fill(10)
    try FileManager.default.copyItem(atPath: other.log, toPath: "\(output)/other")
    #expect(try verify().firstBad?.reason.contains("segment of another log") == true)
    try FileManager.default.removeItem(atPath: "\(output)/other")
    // Left by an archiving that was not finished.
    let file = try await AuditFile.open(directory: fixture.log)
    let left = try #require(try AuditSegment.make(of: fixture.log, before: 25, in: output))
    try await file.close()
    let found = try verify(notes)
    #expect(found.ok && found.segments?.unused == [left.path])
    #expect(throws: Fault.self) { try AuditFile.verify(directory: fixture.log, segments: ["\(output)/none"]) }
  }

  @Test("show a segment that was written anew with the log's own key, by the log and by a witness") func rewritten()
    async throws
  {
    let notes = try await archived(marked: "what was done")
    let forger = try AuditSegmentTests()
    try FileManager.default.createDirectory(atPath: forger.fixture.log, withIntermediateDirectories: false)
    for name in ["key", "key.pub"] { try forger.fixture.write(fixture.bytes(name), to: name) }
    let directory = AuditDirectory(path: forger.fixture.log)
    let signer = try directory.prepared()
    try forger.fixture.write(AuditFrame.fileHeader, to: "records.log")
    try forger.fixture.write(
      Array(Checkpoint(origin: signer.verifier.name, size: 0, root: .emptyRoot).signed(by: signer).encoded.utf8),
      to: "checkpoint")
    _ = try await forger.archived(marked: "nothing happened")
    #expect(try forger.verify().ok, "by itself nothing shows")
    try FileManager.default.removeItem(atPath: segments[0])
    try FileManager.default.copyItem(atPath: forger.segments[0], toPath: segments[0])
    let bad = try #require(try verify().firstBad)
    #expect(bad.segment == segments[0] && bad.reason.contains("written anew"))
    #expect(try verify(notes).firstBad?.reason.contains("line 2 of w") == true)
    // All of it, the log too: then the witness alone shows it.
    let lines = try notes.map { try WitnessedNote.line($0, at: Date(timeIntervalSince1970: 0)) + "\n" }.joined()
    let whole = try AuditFile.verify(
      directory: forger.fixture.log, extending: [WitnessedNotes(reading: Array(lines.utf8), name: "w")],
      segments: [forger.output])
    #expect(whole.firstBad?.reason.contains("written anew") == true)
  }

  @Test("are made anew over what is there only when it is the same") func existing() async throws {
    _ = try fixture.makeArchive()
    try await fixture.fill(10)
    let made = try #require(try AuditSegment.make(of: fixture.log, before: 5, in: output))
    #expect(made.first == 0 && made.end == 5 && made.path == "\(output)/records-0-4")
    #expect(try AuditSegment.make(of: fixture.log, before: 5, in: output) == made)
    var changed = try bytes("\(made.path)/records.log")
    changed[40] ^= 1
    try write(changed, "\(made.path)/records.log")
    let fault = #expect(throws: Fault.self) { try AuditSegment.make(of: fixture.log, before: 5, in: output) }
    #expect(fault?.code == .conflict)
    // A log that is not good has no segments.
    var bad = try fixture.bytes("records.log")
    bad[40] ^= 1
    try fixture.write(bad, to: "records.log")
    #expect(throws: Fault.self) { try AuditSegment.make(of: fixture.log, before: 6, in: output) }
  }
}

extension AuditDirectory {
  fileprivate func prepared() throws -> NoteSigner { try NoteSigner(name: readVerifier().name, seed: readSeed()) }
}
