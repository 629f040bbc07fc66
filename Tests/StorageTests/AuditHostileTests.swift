import AuditLog
import Faults
import Foundation
import Glibc
import Testing

@testable import Storage

@Suite("An archive that an attacker had a hand in") struct AuditHostileTests {
  private let fixture: AuditDirectoryFixture
  private let output: String

  init() throws {
    fixture = try AuditDirectoryFixture()
    output = try fixture.makeArchive()
  }

  private func make(before number: Int64) throws -> AuditSegment? {
    try AuditSegment.make(of: fixture.log, before: number, in: output)
  }

  private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: output).sorted() }

  /// Thirty records, and a witness's checkpoints after each ten.
  private func witnessedLog() async throws -> WitnessedNotes {
    var lines = ""
    for start in stride(from: 0, to: 30, by: 10) {
      let file = try await AuditFile.open(directory: fixture.log)
      for number in start..<(start + 10) { _ = try await file.append(AuditDirectoryFixture.record(number)) }
      lines += try WitnessedNote.line(await file.checkpoint(), at: Date(timeIntervalSince1970: 0)) + "\n"
      try await file.close()
    }
    return WitnessedNotes(reading: Array(lines.utf8), name: "w")
  }

  /// A log that begins after so many records, by the key of the log that is there.
  private func beginAnew(at size: UInt64) throws {
    let directory = AuditDirectory(path: fixture.log)
    let signer = try NoteSigner(name: directory.readVerifier().name, seed: directory.readSeed())
    let peaks = (0..<size.nonzeroBitCount).map { TreeHash.leaf([UInt8($0)]) }
    let frontier = try #require(MerkleFrontier(size: size, peaks: peaks))
    var (bytes, _) = try AuditStart.none.cut(at: frontier, signer: signer)
    let body = try AuditDirectoryFixture.record(1).canonicalBytes()
    AuditFrame.append(.record, index: size, body: body, hash: .leaf(body), to: &bytes)
    try fixture.write(bytes, to: "records.log")
    let checkpoint = Checkpoint(origin: signer.verifier.name, size: size, root: frontier.root)
    try fixture.write(Array(checkpoint.signed(by: signer).encoded.utf8), to: "checkpoint")
  }

  @Test("is a new log of the same key that begins after all that a witness saw: nothing passes for compared")
  func beginsLater() async throws {
    let witnessed = try await witnessedLog()
    for size: UInt64 in [31, 100] {
      try beginAnew(at: size)
      #expect(try AuditFile.verify(directory: fixture.log).ok, "by itself nothing shows")
      let found = try AuditFile.verify(directory: fixture.log, extending: [witnessed])
      #expect(!found.ok && found.witnesses?.uncompared == 3)
      #expect(found.firstBad?.file == .leaves && found.firstBad?.reason.contains("it is missing") == true)
      let chain = try AuditFile.verify(directory: fixture.log, extending: [witnessed], segments: [output])
      #expect(chain.firstBad?.reason.contains("is missing") == true)
      try fixture.write([UInt8](repeating: 7, count: Int(size) * 32), to: "leaves")
      #expect(try AuditFile.verify(directory: fixture.log, extending: [witnessed]).firstBad?.file == .leaves)
      try FileManager.default.removeItem(atPath: "\(fixture.log)/leaves")
    }
  }

  @Test("is a log that was set back behind its newest segment") func setBack() async throws {
    try await fixture.fill(10)
    let older = try fixture.copyOfLog()
    let file = try await AuditFile.open(directory: fixture.log)
    for number in 10..<20 { _ = try await file.append(AuditDirectoryFixture.record(number)) }
    let newest = try #require(try make(before: 15))
    try await file.close()
    #expect(try AuditFile.verify(directory: fixture.log, segments: [output]).segments?.unused == [newest.path])
    let bad = try AuditFile.verify(directory: older.log, segments: [output]).firstBad
    #expect(bad?.index == 10 && bad?.reason.contains("(\(newest.path)) counts 15 records: it was set back") == true)
    // Not even when it has gone on since.
    let again = try await AuditFile.open(directory: older.log)
    for number in 30..<40 { _ = try await again.append(AuditDirectoryFixture.record(number)) }
    try await again.close()
    let later = try AuditFile.verify(directory: older.log, segments: [output]).firstBad
    #expect(later?.reason.contains("written anew") == true)
  }

  @Test("begins nowhere beyond what can be counted", arguments: [.max, .max - 1, 1 << 63, 1 << 58] as [UInt64])
  func sizes(size: UInt64) async throws {
    try await fixture.fill(1)
    try beginAnew(at: size)
    #expect(try AuditFile.verify(directory: fixture.log).firstBad?.reason.contains("counts \(size) records") == true)
    #expect(throws: Fault.self) { try make(before: .max) }
    await #expect(throws: Fault.self) { try await AuditFile.open(directory: fixture.log) }
    try beginAnew(at: 1 << 58 - 1)
    #expect(try AuditFile.verify(directory: fixture.log).unsealedRecords == 1)
  }

  @Test("holds no pipe, link or directory in the place of a file", .timeLimit(.minutes(1)), arguments: 0..<3)
  func noFile(kind: Int) async throws {
    try await fixture.fill(5)
    let file = try await AuditFile.open(directory: fixture.log)
    let segment = try #require(try make(before: 2))
    try await file.archive(first: segment.end, rootHash: segment.rootHash)
    try await file.close()
    for name in ["records.log", "checkpoint", "key.pub", "leaves"] {
      let (path, kept) = ("\(fixture.log)/\(name)", "\(fixture.path)/\(name)")
      try FileManager.default.moveItem(atPath: path, toPath: kept)
      switch kind {
      case 0: #expect(mkfifo(path, 0o600) == 0)
      case 1: #expect(symlink(kept, path) == 0)
      default: #expect(mkdir(path, 0o700) == 0)
      }
      let found = try? AuditFile.verify(directory: fixture.log)
      #expect(found?.ok != true, "\(name)")
      if name != "leaves" { #expect(throws: Fault.self, "\(name)") { try make(before: 4) } }
      await #expect(throws: Fault.self, "\(name)") { try await AuditFile.open(directory: fixture.log) }
      try FileManager.default.removeItem(atPath: path)
      try FileManager.default.moveItem(atPath: kept, toPath: path)
    }
    #expect(try AuditFile.verify(directory: fixture.log, segments: [output]).ok)
  }

  @Test("is not written where others may write", arguments: [0o777, 0o775, 0o757] as [mode_t])
  func writable(mode: mode_t) async throws {
    try await fixture.fill(5)
    #expect(chmod(output, mode) == 0)
    let fault = #expect(throws: Fault.self) { try make(before: 5) }
    #expect(fault?.code == .denied && fault?.remedy.contains("chmod go-w") == true)
    #expect(try names().isEmpty)
  }

  @Test("leaves what it put into the directory before alone, and takes none of it for a segment") func planted()
    async throws
  {
    try await fixture.fill(5)
    let away = "\(fixture.path)/away"
    try FileManager.default.createDirectory(atPath: away, withIntermediateDirectories: false)
    #expect(symlink(away, "\(output)/records-0-4.new") == 0)
    let made = try #require(try make(before: 5))
    #expect(try FileManager.default.contentsOfDirectory(atPath: away).isEmpty)
    #expect(try names() == ["records-0-4", "records-0-4.new"])
    // A segment that is right today, and that another can change tomorrow.
    for mode in [nil, 0o777] as [mode_t?] {
      if let mode {
        #expect(chmod(made.path, mode) == 0)
      } else {
        try FileManager.default.moveItem(atPath: made.path, toPath: "\(away)/moved")
        #expect(symlink("\(away)/moved", made.path) == 0)
      }
      #expect(throws: Fault.self, "\(mode ?? 0)") { try make(before: 5) }
      guard mode == nil else { continue }
      try FileManager.default.removeItem(atPath: made.path)
      try FileManager.default.moveItem(atPath: "\(away)/moved", toPath: made.path)
    }
    #expect(chmod(made.path, 0o755) == 0)
    #expect(try make(before: 5) == made)
  }

  @Test("is made by one at a time; one that cannot be made leaves nothing") func alone() async throws {
    try await fixture.fill(5)
    let other = try AuditDescriptor(output, O_RDONLY | O_DIRECTORY)
    #expect(try other.lock())
    let fault = #expect(throws: Fault.self) { try make(before: 5) }
    #expect(fault?.code == .conflict)
    other.unlock()
    // The name is taken, by what cannot be replaced.
    #expect(symlink("/nonexistent", "\(output)/records-0-4") == 0)
    #expect(throws: Fault.self) { try make(before: 5) }
    #expect(try names() == ["records-0-4"])
    #expect(unlink("\(output)/records-0-4") == 0)
    #expect(try make(before: 5)?.end == 5)
    #expect(try names() == ["records-0-4"])
  }
}
