/// Byte strings of which a text may begin with one, end with one, or hold one; asked often and never changed.
///
/// Only those are compared that have the text's byte at one place, which is chosen so that it tells them apart well.
final class ByteAffixes: Sendable {
  enum Place: Sendable { case start, end, anywhere }

  private let place: Place
  private let pool: FlatBuffer<UInt8>
  /// Where the strings begin in `pool`, ordered by the byte that tells them apart; one more is the end.
  private let offsets: FlatBuffer<Int32>
  /// For each byte the first of its strings; one more is the end.
  private let buckets: FlatBuffer<Int32>
  private let shortest: Int
  /// How far from the start, or from the end, the byte is that tells them apart.
  private let distance: Int

  /// - Parameter strings: one or more.
  init(_ strings: [[UInt8]], at place: Place) {
    self.place = place
    let strings = Set(strings)
    let shortest = strings.map(\.count).min() ?? 0
    func key(_ string: [UInt8], _ distance: Int) -> UInt8 {
      string[place == .end ? string.count - 1 - distance : distance]
    }
    let costs = (0..<shortest).map { distance in
      Self.cost(strings.map { key($0, distance) }, isSearch: place == .anywhere)
    }
    let best = costs.enumerated().min { $0.element < $1.element }?.offset ?? 0
    var (pool, offsets, buckets): ([UInt8], [Int32], [Int32]) = ([], [], [])
    if shortest > 0 {
      let byKey = Dictionary(grouping: strings) { key($0, best) }
      for byte in UInt8.min...UInt8.max {
        buckets.append(Int32(offsets.count))
        for string in byKey[byte] ?? [] {
          offsets.append(Int32(pool.count))
          pool += string
        }
      }
      buckets.append(Int32(offsets.count))
    }
    offsets.append(Int32(pool.count))
    (self.pool, self.offsets, self.buckets) = (FlatBuffer(pool), FlatBuffer(offsets), FlatBuffer(buckets))
    (self.shortest, distance) = (shortest, best)
  }

  /// How many strings have to be compared, by a guess at which bytes are frequent in paths and command lines.
  private static func cost(_ keys: [UInt8], isSearch: Bool) -> Int {
    let counts = Dictionary(keys.map { ($0, 1) }, uniquingKeysWith: +)
    return counts.reduce(0) { sum, entry in
      let frequency =
        switch entry.key {
        case UInt8(ascii: "/"): 12
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: " "), UInt8(ascii: "-"), UInt8(ascii: "."): 4
        case UInt8(ascii: "0")...UInt8(ascii: "9"): 2
        default: 1
        }
      // A search meets each byte of the text; otherwise one byte decides, and its strings are compared.
      return sum + frequency * entry.value * (isSearch ? 1 : entry.value)
    }
  }

  func match(_ text: UnsafeRawBufferPointer) -> Bool {
    guard shortest > 0 else { return true }
    guard text.count >= shortest, let base = text.baseAddress else { return false }
    switch place {
    case .start: return isThere(base, text.count, key: text[distance], isEnd: false)
    case .end: return isThere(base, text.count, key: text[text.count - 1 - distance], isEnd: true)
    case .anywhere:
      let last = text.count - shortest
      for start in 0...last where isThere(base + start, text.count - start, key: text[start + distance], isEnd: false) {
        return true
      }
      return false
    }
  }

  @inline(__always)
  private func isThere(_ base: UnsafeRawPointer, _ count: Int, key: UInt8, isEnd: Bool) -> Bool {
    var index = Int(buckets[Int(key)])
    let end = Int(buckets[Int(key) + 1])
    while index < end {
      let offset = Int(offsets[index])
      let string = pool.bytes(offset, Int(offsets[index + 1]) - offset)
      let text = UnsafeRawBufferPointer(start: base, count: count)
      if isEnd ? hasSuffix(text, string) : hasPrefix(text, string) { return true }
      index += 1
    }
    return false
  }
}
