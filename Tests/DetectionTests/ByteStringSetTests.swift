import SeededRandom
import Testing

@testable import Detection

@Suite("A set of byte strings")
struct ByteStringSetTests {
  private func contains(_ set: ByteStringSet, _ bytes: [UInt8]) -> Bool {
    bytes.withUnsafeBytes { set.mayContain(length: bytes.count) && set.contains($0, hash: byteHash($0)) }
  }

  @Test("has what was put in, and nothing else", arguments: 0..<6 as Range<UInt64>) func random(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var strings: Set<[UInt8]> = []
    for _ in 0..<Int.random(in: 0...2_000, using: &random) {
      // Few letters, so that many are nearly alike.
      strings.insert(
        (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...2, using: &random) })
    }
    let set = ByteStringSet(Array(strings) + Array(strings))
    for string in strings { #expect(contains(set, string)) }
    for _ in 0..<5_000 {
      let other = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...2, using: &random) }
      #expect(contains(set, other) == strings.contains(other))
    }
  }

  @Test("may be empty, or have the empty string") func empty() {
    #expect(!contains(ByteStringSet([]), []))
    #expect(!contains(ByteStringSet([]), [1]))
    #expect(contains(ByteStringSet([[]]), []))
    #expect(!contains(ByteStringSet([[]]), [0]))
  }

  @Test("tells strings of 63 bytes and more apart") func long() {
    let set = ByteStringSet([[UInt8](repeating: 1, count: 63), [UInt8](repeating: 1, count: 200)])
    for count in [62, 63, 64, 199, 200, 201] {
      #expect(contains(set, [UInt8](repeating: 1, count: count)) == [63, 200].contains(count))
    }
  }

  @Test("hashes the same bytes alike wherever they lie") func alignment() {
    let bytes = (0..<64).map { UInt8($0) }
    for length in 0...24 {
      let expected = Array(bytes.prefix(length)).withUnsafeBytes { byteHash($0) }
      for offset in 0..<8 {
        var padded = [UInt8](repeating: 0xee, count: offset)
        padded += bytes.prefix(length)
        padded.append(0xee)
        let hash = padded.withUnsafeBytes { byteHash(UnsafeRawBufferPointer(rebasing: $0[offset..<(offset + length)])) }
        #expect(hash == expected)
      }
    }
  }
}
