import SeededRandom
import Testing

@testable import GuestTrace

@Suite("A protocol buffer")
struct WireReaderTests {
  /// What was read: numbers as they are, bytes as a list.
  enum Field: Hashable {
    case number(UInt64, UInt64)
    case bytes(UInt64, [UInt8])
  }

  private func read(_ message: [UInt8]) -> (fields: [Field], isMalformed: Bool) {
    message.withUnsafeBytes { bytes -> (fields: [Field], isMalformed: Bool) in
      var reader = WireReader(bytes)
      var fields: [Field] = []
      while let (field, value) = reader.next() {
        switch value {
        case .number(let number): fields.append(.number(field, number))
        case .bytes(let bytes): fields.append(.bytes(field, Array(bytes)))
        }
      }
      return (fields, reader.isMalformed)
    }
  }

  @Test(
    "is read field by field",
    arguments: [
      ([], []), ([0x08, 0x05], [.number(1, 5)]), ([0x08, 0x96, 0x01], [.number(1, 150)]),
      ([0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], [.number(1, .max)]),
      ([0x12, 0x02, 0x61, 0x62], [.bytes(2, [0x61, 0x62])]), ([0x12, 0x00], [.bytes(2, [])]),
      ([0x08, 0x01, 0x08, 0x02], [.number(1, 1), .number(1, 2)]), ([0x08, 0x85, 0x00], [.number(1, 5)]),
      ([0x80, 0x7d, 0x07], [.number(2_000, 7)]),
      // Numbers of fixed width are passed over.
      ([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 0x01], [.number(2, 1)]), ([0x0d, 1, 2, 3, 4, 0x10, 0x01], [.number(2, 1)]),
      ([0x0d, 1, 2, 3, 4], []),
    ] as [([UInt8], [Field])])
  func good(message: [UInt8], fields: [Field]) {
    let result = read(message)
    #expect(result.fields == fields)
    #expect(!result.isMalformed)
  }

  @Test(
    "is malformed",
    arguments: [
      // Cut in a tag, a number, a length, bytes or a number of fixed width.
      [0x88], [0x08], [0x08, 0x80], [0x12], [0x12, 0x80], [0x12, 0x02, 0x61], [0x09, 1, 2, 3, 4, 5, 6, 7],
      [0x0d, 1, 2, 3],
      // Field 0, groups and types that there are not.
      [0x00, 0x01], [0x02, 0x00], [0x0b], [0x0b, 0x0c], [0x0c], [0x0e, 0x01], [0x0f, 0x01],
      // More bytes than a number has.
      [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
      // Lengths that lie, up to those that would overflow.
      [0x12, 0x7f], [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61],
      [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x61],
      [0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x61],
    ] as [[UInt8]])
  func bad(message: [UInt8]) {
    #expect(read(message).isMalformed)
    // What comes before is read, and nothing after.
    let result = read([0x08, 0x05] + message)
    #expect(result.isMalformed)
    #expect(result.fields == [.number(1, 5)])
  }

  @Test("ends for good at the first mistake") func ends() {
    [UInt8]([0x0b, 0x08, 0x01, 0x08, 0x02]).withUnsafeBytes { bytes in
      var reader = WireReader(bytes)
      for _ in 0..<3 {
        if let field = reader.next() { Issue.record("field \(field.field) was read") }
      }
      #expect(reader.isMalformed)
    }
  }

  @Test("of any bytes is read to an end", arguments: 0..<4 as Range<UInt64>) func random(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    for _ in 0..<5_000 {
      let message = (0..<Int.random(in: 0...60, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let fields = read(message).fields
      #expect(fields.count <= message.count)
      for case .bytes(_, let bytes) in fields { #expect(bytes.count <= message.count) }
    }
  }
}
