import AuditLog
import Faults
import Foundation
import Synchronization
import Testing

@testable import Storage

@Suite("An audit log whose oldest records are archived") struct AuditArchiveTests {
  private let fixture: AuditDirectoryFixture
  private let output: String

  init() throws {
    fixture = try AuditDirectoryFixture()
    output = try fixture.makeArchive()
  }

  /// Archives what is older than the record with this number, whose time is its number.
  @discardableResult
  private func archive(_ file: AuditFile, before number: Int) async throws -> AuditSegment {
    let segment = try #require(try AuditSegment.make(of: fixture.log, before: Int64(number), in: output))
    try await file.archive(first: segment.end, rootHash: segment.rootHash)
    return segment
  }

  private func appending(_ numbers: Range<Int>, to file: AuditFile) async throws {
    for number in numbers { _ = try await file.append(AuditDirectoryFixture.record(number)) }
  }

  @Test("goes on with the same root, and proves every record and size as one that was not cut", arguments: [1, 7])
  func proofs(batch: Int) async throws {
    // Beyond two chunks of 256, cut within the first, at its end and within the second.
    try await fixture.fill(600, batch: batch)
    let uncut = try fixture.copyOfLog()
    let whole = try await AuditFile.open(directory: uncut.log)
    let file = try await AuditFile.open(directory: fixture.log)
    for cut in [100, 256, 301] {
      let segment = try await archive(file, before: cut)
      // A batch shares a seal.
      #expect(segment.end <= UInt64(cut) && segment.end > UInt64(cut - batch))
      let found = try AuditFile.verify(directory: segment.path)
      #expect(found.ok && found.size == segment.end && found.rootHash == segment.rootHash)
    }
    try await appending(600..<610, to: file)
    try await appending(600..<610, to: whole)
    try await file.close()
    let again = try await AuditFile.open(directory: fixture.log)
    #expect(again.recovery == nil)
    for log in [file, again] {
      let first = await log.head.first
      #expect(first > 290)
      #expect(await log.head.rootHash == whole.head.rootHash)
      for index in stride(from: UInt64(0), to: 610, by: 29) {
        #expect(try await log.inclusionProof(index) == whole.inclusionProof(index))
        #expect(try await log.root(size: index) == whole.root(size: index))
        #expect(
          try await log.consistencyProof(from: index, to: 610) == whole.consistencyProof(from: index, to: 610))
      }
      for index in [first, first + 1, 400, 511, 512, 605] {
        #expect(try await log.page(from: index, limit: 3) == whole.page(from: index, limit: 3))
      }
    }
    try await again.close()
    try await whole.close()
    let chain = try AuditFile.verify(directory: fixture.log, segments: [output])
    #expect(chain.ok && chain.segments?.verified.count == 3 && chain.segments?.unused == [])
    #expect(chain.rootHash == (try AuditFile.verify(directory: uncut.log).rootHash))
  }

  @Test("says of an archived record in which segment it lies") func archivedRecord() async throws {
    try await fixture.fill(10)
    let file = try await AuditFile.open(directory: fixture.log)
    try await archive(file, before: 4)
    try await archive(file, before: 7)
    #expect(
      (0..<8).map { file.segment(of: $0) } == [0, 0, 0, 0, 4, 4, 4].map { $0 == 0 ? "records-0-3" : "records-4-6" } + [
        nil
      ])
    let fault = await #expect(throws: Fault.self) { try await file.page(from: 5, limit: 1) }
    #expect(
      fault?.code == .notFound && fault?.reason.contains("segment records-4-6; the log begins with record 7") == true)
    #expect(try await file.page(from: 7, limit: 9).map(\.index) == [7, 8, 9])
    try await file.close()
  }

  @Test("may lose all of its records, and goes on") func all() async throws {
    try await fixture.fill(5)
    let file = try await AuditFile.open(directory: fixture.log)
    let root = await file.head.rootHash
    try await archive(file, before: 99)
    #expect(await file.head == AuditHead(first: 5, size: 5, rootHash: root))
    #expect(try await file.page(from: 5, limit: 1).isEmpty)
    try await file.close()
    let again = try await AuditFile.open(directory: fixture.log)
    let note = await again.checkpoint()
    #expect(try Checkpoint(parsing: SignedNote(parsing: note).text).size == 5)
    try await appending(5..<8, to: again)
    #expect(try await again.page(from: 5, limit: 9).map(\.record) == (5..<8).map(AuditDirectoryFixture.record))
    #expect(try AuditSegment.make(of: fixture.log, before: 5, in: output) == nil)
    try await again.close()
    #expect(try AuditFile.verify(directory: fixture.log, segments: [output]).ok)
  }

  @Test("gets every record that is appended meanwhile", .timeLimit(.minutes(1))) func meanwhile() async throws {
    try await fixture.fill(300, batch: 10)
    let file = try await AuditFile.open(directory: fixture.log)
    let made = try #require(try AuditSegment.make(of: fixture.log, before: 200, in: output))
    let receipts = try await withThrowingTaskGroup(of: AuditReceipt.self) { group -> [AuditReceipt] in
      for number in 300..<500 { group.addTask { try await file.append(AuditDirectoryFixture.record(number)) } }
      try await file.archive(first: made.end, rootHash: made.rootHash)
      for number in 500..<600 { group.addTask { try await file.append(AuditDirectoryFixture.record(number)) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(receipts.map(\.index)) == Set(300..<600))
    for receipt in receipts {
      #expect(try await file.page(from: receipt.index, limit: 1).first?.leafHash == receipt.leafHash)
    }
    try await file.close()
    let found = try AuditFile.verify(directory: fixture.log, segments: [output])
    #expect(found.ok && found.size == 600 && found.unsealedRecords == 0)
  }

  @Test("is the old log or the new one after a crash at any step, and loses nothing", arguments: [false, true])
  func crash(second: Bool) async throws {
    try await fixture.fill(20)
    let file = try await AuditFile.open(directory: fixture.log)
    if second { try await archive(file, before: 5) }
    let made = try #require(try AuditSegment.make(of: fixture.log, before: 12, in: output))
    let crashed = Mutex<[(AuditCut.Step, AuditDirectoryFixture)]>([])
    let fixture = fixture
    try await file.archive(first: made.end, rootHash: made.rootHash) { step in
      let copy = try fixture.copyOfLog()
      crashed.withLock { $0.append((step, copy)) }
    }
    try await file.close()
    let copies = crashed.withLock { $0 }
    #expect(copies.map(\.0) == [.leaves, .copied, .whole, .named])
    for (step, copy) in copies {
      let first: UInt64 = step == .named ? 12 : second ? 5 : 0
      let found = try AuditFile.verify(directory: copy.log)
      #expect(found.ok && found.size == 20 && found.first ?? 0 == first)
      let log = try await AuditFile.open(directory: copy.log)
      #expect(await log.head == AuditHead(first: first, size: 20, rootHash: file.head.rootHash))
      #expect(try await log.page(from: first, limit: 99).count == 20 - Int(first))
      #expect(!FileManager.default.fileExists(atPath: "\(copy.log)/records.log.new"))
      // And the archiving is done anew.
      if first < 12 { try await log.archive(first: made.end, rootHash: made.rootHash) }
      try await appending(20..<22, to: log)
      try await log.close()
      let after = try AuditFile.verify(directory: copy.log, segments: [output])
      #expect(after.ok && after.size == 22 && after.first == 12, "\(step): \(String(describing: after.firstBad))")
    }
  }

  @Test("is the old log when a step fails, and the next archiving is none the worse", arguments: AuditCut.Step.allCases)
  func failure(step failing: AuditCut.Step) async throws {
    struct Failure: Error {}
    try await fixture.fill(20)
    let file = try await AuditFile.open(directory: fixture.log)
    let made = try #require(try AuditSegment.make(of: fixture.log, before: 12, in: output))
    let archiving = {
      try await file.archive(first: made.end, rootHash: made.rootHash) { if $0 == failing { throw Failure() } }
    }
    if failing == .named {
      // It is the new one already.
      try await archiving()
    } else {
      await #expect(throws: Failure.self) { try await archiving() }
      #expect(await file.head.first == 0)
      #expect(!FileManager.default.fileExists(atPath: "\(fixture.log)/records.log.new"))
      try await appending(20..<21, to: file)
      try await file.archive(first: made.end, rootHash: made.rootHash)
    }
    #expect(await file.head.first == 12)
    try await appending(21..<23, to: file)
    try await file.close()
    #expect(try AuditFile.verify(directory: fixture.log, segments: [output]).ok)
  }

  @Test("lets go of nothing that is not asked for by its own root, or that no seal ends") func refused() async throws {
    try await fixture.fill(40, batch: 20)
    let file = try await AuditFile.open(directory: fixture.log)
    let seals = Set(try fixture.frames().filter(\.isSeal).map(\.index))
    let roots = try await (0...40).asyncMap { "\(try await file.root(size: UInt64($0)))" }
    for size in 0...41 {
      guard size == 0 || size == 41 || !seals.contains(size) else { continue }
      let fault = await #expect(throws: Fault.self) {
        try await file.archive(first: UInt64(size), rootHash: size > 40 ? roots[40] : roots[size])
      }
      #expect(fault.map { [.invalid, .conflict, .notFound].contains($0.code) } == true)
    }
    let seal = try #require(seals.min())
    for root in [roots[40 - seal == seal ? 1 : 40 - seal], "", "zz"] {
      await #expect(throws: Fault.self) { try await file.archive(first: UInt64(seal), rootHash: root) }
    }
    #expect(await file.head.first == 0)
    try await file.archive(first: UInt64(seal), rootHash: roots[seal])
    await #expect(throws: Fault.self) { try await file.archive(first: UInt64(seal), rootHash: roots[seal]) }
    try await file.close()
    await #expect(throws: Fault.self) { try await file.archive(first: 40, rootHash: roots[40]) }
  }

  @Test("is copied for a backup with its hashes, and the copy goes on") func copied() async throws {
    try await fixture.fill(30)
    let file = try await AuditFile.open(directory: fixture.log)
    try await archive(file, before: 20)
    let target = "\(fixture.path)/copy"
    try FileManager.default.createDirectory(atPath: target, withIntermediateDirectories: false)
    let head = try AuditFile.copy(from: fixture.log, to: target)
    #expect(head.size == 30)
    #expect(try Data(contentsOf: URL(filePath: "\(target)/leaves")).count == 20 * 32)
    let copy = try await AuditFile.open(directory: target)
    #expect(try await copy.inclusionProof(3) == file.inclusionProof(3))
    #expect(try await copy.append(AuditDirectoryFixture.record(30)).index == 30)
    try await copy.close()
    try await file.close()
    #expect(try AuditFile.verify(directory: target, segments: [output]).ok)
  }

  @Test("keeps the form that older programs read until it is archived from") func forms() async throws {
    // Written by the program as it was before there was archiving, with a key for this test alone.
    let old = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/old-log")
    try FileManager.default.copyItem(at: old, to: URL(filePath: fixture.log))
    let before = try fixture.bytes("records.log")
    #expect(try AuditFile.verify(directory: fixture.log).ok)
    let file = try await AuditFile.open(directory: fixture.log)
    #expect(await file.head.size == 6)
    #expect(try fixture.bytes("records.log") == before)
    try await appending(6..<8, to: file)
    #expect(try fixture.bytes("records.log").starts(with: before))
    let third = try #require(try await file.page(from: 3, limit: 1).first)
    let made = try #require(try AuditSegment.make(of: fixture.log, before: third.record.time, in: output))
    try await file.archive(first: made.end, rootHash: made.rootHash)
    #expect(made.end == 3)
    try await file.close()
    // An older program reads the number, and says that it is newer.
    #expect(try fixture.bytes("records.log").starts(with: Array("lobstack-audit2\n".utf8)))
    #expect(try AuditFile.verify(directory: fixture.log, segments: [output]).ok)
  }
}

extension Sequence {
  fileprivate func asyncMap<Value>(_ body: (Element) async throws -> Value) async rethrows -> [Value] {
    var values: [Value] = []
    for element in self { values.append(try await body(element)) }
    return values
  }
}
