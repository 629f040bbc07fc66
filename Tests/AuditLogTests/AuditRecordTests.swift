import AuditLog
import Faults
import Foundation
import SeededRandom
import Testing

@Suite("The audit record") struct AuditRecordTests {
  private static let record = AuditRecord(
    time: 1_764_000_000_123_456_789, actor: "uid 0", action: "agent.create", target: "agent acme/bot",
    outcome: "allowed", details: ["tier": "starter", "image": "oci:/srv/bot:1", "": "empty key", "ключ": "значение"])

  @Test("has a time, whatever the clock says") func anyTime() {
    for seconds in [-1e300, -86_400 * 999_999_999, -1.55e10, 1.55e10, 253_402_300_799, 1e300, .infinity, .nan] {
      let record = AuditRecord(
        at: Date(timeIntervalSince1970: seconds), actor: "a", action: "b", target: "", outcome: "")
      #expect(record.time == (seconds < 0 ? .min : .max), "\(seconds)")
    }
    for microseconds in [0, 1, -1, 1_764_000_000_123_456, -9_000_000_000_000_000, 9_000_000_000_000_000] as [Int64] {
      let date = Date(timeIntervalSince1970: Double(microseconds) / 1_000_000)
      #expect(AuditRecord.nanoseconds(date) == microseconds * 1_000)
    }
  }

  @Test("has the bytes that its format defines") func canonicalBytes() throws {
    let record = AuditRecord(
      time: 258, actor: "a", action: "b", target: "", outcome: "é", details: ["z": "1", "k": ""])
    let expected: [UInt8] =
      [1, 0, 0, 0, 0, 0, 0, 1, 2] + [0, 1, 0x61] + [0, 1, 0x62] + [0, 0] + [0, 2, 0xC3, 0xA9]
      + [0, 2] + [0, 1, 0x6B, 0, 0] + [0, 1, 0x7A, 0, 1, 0x31]
    #expect(try record.canonicalBytes() == expected)
  }

  @Test("comes back from its bytes", arguments: [Int64.min, -1, 0, .max]) func roundTrip(time: Int64) throws {
    var record = AuditRecordTests.record
    record.time = time
    #expect(try AuditRecord(canonicalBytes: record.canonicalBytes()) == record)
  }

  @Test("is refused over 64 KiB, and only then") func limit() throws {
    var record = AuditRecord(time: 0, actor: "", action: "", target: "", outcome: "")
    let room = AuditRecord.byteLimit - (try record.canonicalBytes().count)
    // Two fields, since one holds 65,535 bytes at most.
    record.actor = String(repeating: "a", count: 100)
    record.target = String(repeating: "t", count: room - 100)
    #expect(try record.canonicalBytes().count == AuditRecord.byteLimit)
    #expect(try AuditRecord(canonicalBytes: record.canonicalBytes()) == record)
    record.target += "t"
    #expect(throws: Fault.self) { try record.canonicalBytes() }
    record.target = String(repeating: "t", count: 70_000)
    #expect(throws: Fault.self) { try record.canonicalBytes() }
    #expect(throws: Fault.self) { try AuditRecord(canonicalBytes: [UInt8](repeating: 1, count: 70_000)) }
  }

  @Test("is refused when its bytes end early or go on") func wrongLength() throws {
    let bytes = try AuditRecordTests.record.canonicalBytes()
    for count in bytes.indices {
      #expect(throws: Fault.self) { try AuditRecord(canonicalBytes: Array(bytes.prefix(count))) }
    }
    #expect(throws: Fault.self) { try AuditRecord(canonicalBytes: bytes + [0]) }
  }

  @Test(
    "has one form only",
    arguments: [
      ("unsorted keys", [0, 2, 0, 1, 0x62, 0, 0, 0, 1, 0x61, 0, 0]),
      ("a key twice", [0, 2, 0, 1, 0x61, 0, 0, 0, 1, 0x61, 0, 0]),
      // "e" with a combining accent, and "é": different bytes, one key in a Swift dictionary.
      ("equal keys of different bytes", [0, 2, 0, 3, 0x65, 0xCC, 0x81, 0, 0, 0, 2, 0xC3, 0xA9, 0, 0]),
      ("invalid UTF-8", [0, 1, 0, 1, 0xFF, 0, 0]),
      ("an overlong code", [0, 1, 0, 2, 0xC0, 0x80, 0, 0]),
      ("a surrogate", [0, 1, 0, 3, 0xED, 0xA0, 0x80, 0, 0]),
      ("more details than there are", [0, 3, 0, 0, 0, 0]),
    ] as [(String, [UInt8])]) func strict(name: String, details: [UInt8]) throws
  {
    let head = [1] + [UInt8](repeating: 0, count: 16)
    #expect(throws: Never.self) { try AuditRecord(canonicalBytes: head + [0, 1, 0, 1, 0x61, 0, 1, 0x62]) }
    #expect(throws: Fault.self, "\(name)") { try AuditRecord(canonicalBytes: head + details) }
  }

  @Test("refuses a version that it does not know") func version() throws {
    var bytes = try AuditRecordTests.record.canonicalBytes()
    bytes[0] = 2
    #expect(throws: Fault.self) { try AuditRecord(canonicalBytes: bytes) }
  }

  @Test("decodes hostile bytes to nothing, or to a record of exactly these bytes") func fuzz() throws {
    var random = SplitMix64(seed: 1)
    let bytes = try AuditRecordTests.record.canonicalBytes()
    for round in 0..<20_000 {
      let hostile = round.isMultiple(of: 2) ? random.mutation(of: bytes) : [1] + random.bytes(upTo: 120)
      do {
        let record = try AuditRecord(canonicalBytes: hostile)
        #expect(try record.canonicalBytes() == hostile)
      } catch is Fault {}
    }
  }
}

extension SplitMix64 {
  mutating func bytes(upTo limit: Int) -> [UInt8] {
    (0..<Int.random(in: 0...limit, using: &self)).map { _ in UInt8.random(in: 0...255, using: &self) }
  }

  /// One to three bytes changed, put in or taken out.
  mutating func mutation(of bytes: [UInt8]) -> [UInt8] {
    var mutated = bytes
    for _ in 0..<Int.random(in: 1...3, using: &self) {
      let place = Int.random(in: 0..<max(1, mutated.count), using: &self)
      switch Int.random(in: 0...3, using: &self) {
      case 0: mutated.insert(UInt8.random(in: 0...255, using: &self), at: min(place, mutated.count))
      case 1 where !mutated.isEmpty: mutated.remove(at: place)
      case 2 where !mutated.isEmpty: mutated[place] = UInt8.random(in: 0...255, using: &self)
      case 3 where !mutated.isEmpty: mutated[place] ^= 1 << UInt8.random(in: 0...7, using: &self)
      default: break
      }
    }
    return mutated
  }
}
