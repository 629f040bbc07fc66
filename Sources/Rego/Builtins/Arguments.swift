import Glibc

extension Value {
  var number: Number? {
    if case .number(let number) = self { return number }
    return nil
  }

  var set: SetValue? {
    if case .set(let set) = self { return set }
    return nil
  }

  /// What an array or a set has.
  package var members: [Value]? {
    switch self {
    case .array(let array): array.items
    case .set(let set): set.members
    default: nil
    }
  }

  /// The strings of an array or a set; `nil` when it has others.
  var texts: [String]? {
    guard let members else { return nil }
    let texts = members.compactMap(\.text)
    return texts.count == members.count ? texts : nil
  }
}

extension Number {
  /// The integer that is written without an exponent: all that OPA takes for a position, a length or a count.
  var plainInt: Int? {
    if case .real(_, let text) = self, text.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "e") }) { return nil }
    return int
  }
}

extension String {
  var bytes: [UInt8] { Array(utf8) }

  /// - Parameter bytes: those that are no UTF-8 become U+FFFD, each one.
  init(repairing bytes: [UInt8]) {
    if let text = String(validating: bytes, as: UTF8.self) {
      self = text
      return
    }
    var scalars = String.UnicodeScalarView()
    var index = 0
    while index < bytes.count {
      let (scalar, length) = Self.scalar(bytes, at: index)
      scalars.append(scalar ?? "\u{FFFD}")
      index += length
    }
    self = String(scalars)
  }

  /// The character that begins at a byte, and how many bytes it takes; `nil` and one byte when there is none.
  static func scalar(_ bytes: [UInt8], at index: Int) -> (scalar: Unicode.Scalar?, length: Int) {
    let length =
      switch bytes[index] {
      case 0..<0x80: 1
      case 0xC2..<0xE0: 2
      case 0xE0..<0xF0: 3
      case 0xF0..<0xF5: 4
      default: 0
      }
    guard length > 0, index + length <= bytes.count,
      let text = String(validating: bytes[index..<(index + length)], as: UTF8.self)
    else { return (nil, 1) }
    return (text.unicodeScalars.first, length)
  }
}

extension [UInt8] {
  /// Where other bytes are first, from a place on.
  func place(of needle: [UInt8], from start: Int = 0) -> Int? { places(of: needle, from: start, atMost: 1).first }

  /// Where other bytes are, in time linear to both (Knuth, Morris, Pratt).
  func places(
    of needle: [UInt8], from start: Int = 0, overlapping: Bool = false, atMost most: Int = .max
  ) -> [Int] {
    guard start <= count, let first = needle.first else { return start <= count ? [start] : [] }
    // How much of the needle is still there when the next byte does not fit.
    var kept = [Int](repeating: 0, count: needle.count)
    var length = 0
    for index in needle.indices.dropFirst() {
      while length > 0, needle[index] != needle[length] { length = kept[length - 1] }
      if needle[index] == needle[length] { length += 1 }
      kept[index] = length
    }
    var (places, index) = ([Int](), start)
    length = 0
    withUnsafeBufferPointer { hay in
      while index < hay.count {
        if length == 0 {
          guard let base = hay.baseAddress, let found = memchr(base + index, Int32(first), hay.count - index)
          else { break }
          index = UnsafeRawPointer(found) - UnsafeRawPointer(base)
        }
        while length > 0, hay[index] != needle[length] { length = kept[length - 1] }
        if hay[index] == needle[length] { length += 1 }
        index += 1
        if length == needle.count {
          places.append(index - length)
          if places.count == most { break }
          length = overlapping ? kept[length - 1] : 0
        }
      }
    }
    return places
  }

  func has(_ other: [UInt8], at index: Int) -> Bool {
    index + other.count <= count && self[index..<(index + other.count)].elementsEqual(other)
  }

  /// How many characters they are.
  var scalarCount: Int { reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }
}
