/// A set of byte strings that is asked often and never changed.
final class ByteStringSet: Sendable {
  private struct Entry {
    var hash: UInt64
    var offset: UInt32
    var length: UInt32
  }

  private let pool: FlatBuffer<UInt8>
  private let entries: FlatBuffer<Entry>
  /// Indices into `entries`, by hash; 0 is none.
  private let table: FlatBuffer<UInt32>
  /// One bit for each length that occurs; lengths of 63 and more share the last.
  private let lengths: UInt64

  var count: Int { entries.count }

  init(_ strings: [[UInt8]]) {
    var pool = ContiguousArray<UInt8>()
    var entries = ContiguousArray<Entry>()
    var lengths: UInt64 = 0
    var size = 2
    while size < strings.count * 2 { size *= 2 }
    var table = ContiguousArray<UInt32>(repeating: 0, count: size)
    for string in Set(strings) {
      lengths |= Self.lengthBit(string.count)
      let hash = string.withUnsafeBytes { byteHash($0) }
      entries.append(Entry(hash: hash, offset: UInt32(pool.count), length: UInt32(string.count)))
      pool += string
      var place = Int(hash & UInt64(size - 1))
      while table[place] != 0 { place = (place + 1) & (size - 1) }
      table[place] = UInt32(entries.count)
    }
    self.pool = FlatBuffer(pool)
    self.entries = FlatBuffer(entries)
    self.table = FlatBuffer(table)
    self.lengths = lengths
  }

  @inline(__always)
  private static func lengthBit(_ length: Int) -> UInt64 { 1 << UInt64(min(length, 63)) }

  /// Whether a string of the length may be in it, which is known without a hash.
  @inline(__always)
  func mayContain(length: Int) -> Bool { lengths & Self.lengthBit(length) != 0 }

  func contains(_ bytes: UnsafeRawBufferPointer, hash: UInt64) -> Bool {
    let mask = table.count - 1
    var place = Int(truncatingIfNeeded: hash) & mask
    while table[place] != 0 {
      let entry = entries[Int(table[place]) - 1]
      if entry.hash == hash, Int(entry.length) == bytes.count, equals(entry, bytes) { return true }
      place = (place + 1) & mask
    }
    return false
  }

  private func equals(_ entry: Entry, _ bytes: UnsafeRawBufferPointer) -> Bool {
    compareBytes(pool.bytes(Int(entry.offset), Int(entry.length)), bytes) == 0
  }
}
