/// Patterns as fnmatch(3) takes them without flags: `*` crosses `/`, a backslash takes the next character as it is.
///
/// Never more than the product of the two lengths in time, whatever an agent gives a file for a name.
enum Glob {
  static func matches(
    _ text: UnsafeRawBufferPointer, pattern: UnsafeRawBufferPointer, ignoringCase: Bool = false
  ) -> Bool {
    var (place, next) = (0, 0)
    var star: (pattern: Int, text: Int)?
    while place < text.count {
      if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
        next += 1
        star = (next, place)
        continue
      }
      if next < pattern.count,
        let after = step(text[place], pattern, next, ignoringCase: ignoringCase)
      {
        next = after
        place += 1
        continue
      }
      guard let last = star else { return false }
      // The star takes one more.
      star = (last.pattern, last.text + 1)
      (next, place) = (last.pattern, last.text + 1)
    }
    while next < pattern.count, pattern[next] == UInt8(ascii: "*") { next += 1 }
    return next == pattern.count
  }

  /// - Returns: the place in the pattern behind what matches the byte; `nil` when it does not match.
  private static func step(
    _ byte: UInt8, _ pattern: UnsafeRawBufferPointer, _ place: Int, ignoringCase: Bool
  ) -> Int? {
    switch pattern[place] {
    case UInt8(ascii: "?"):
      return place + 1
    case UInt8(ascii: "["):
      guard let bracket = Bracket(pattern, at: place) else {
        return byte == UInt8(ascii: "[") ? place + 1 : nil
      }
      return bracket.contains(byte, in: pattern, ignoringCase: ignoringCase) != bracket.isNegated ? bracket.end : nil
    case UInt8(ascii: "\\"):
      // At the end of a pattern it matches nothing.
      guard place + 1 < pattern.count else { return nil }
      return fold(byte, ignoringCase) == fold(pattern[place + 1], ignoringCase) ? place + 2 : nil
    case let other:
      return fold(byte, ignoringCase) == fold(other, ignoringCase) ? place + 1 : nil
    }
  }

  @inline(__always)
  private static func fold(_ byte: UInt8, _ ignoringCase: Bool) -> UInt8 { ignoringCase ? lowercased(byte) : byte }

  /// `[…]`, `[!…]`: characters, ranges and classes.
  private struct Bracket {
    let isNegated: Bool
    /// Where its members are.
    let members: Range<Int>
    let end: Int

    /// - Returns: `nil` when it is not closed; then it is no bracket.
    init?(_ pattern: UnsafeRawBufferPointer, at start: Int) {
      var index = start + 1
      let isNegated =
        index < pattern.count && (pattern[index] == UInt8(ascii: "!") || pattern[index] == UInt8(ascii: "^"))
      if isNegated { index += 1 }
      let first = index
      while index < pattern.count, pattern[index] != UInt8(ascii: "]") || index == first {
        if pattern[index] == UInt8(ascii: "\\") {
          index += 1
        } else if pattern[index] == UInt8(ascii: "["), let close = Self.classEnd(pattern, index) {
          index = close - 1
        }
        index += 1
      }
      guard index < pattern.count else { return nil }
      (self.isNegated, members, end) = (isNegated, first..<index, index + 1)
    }

    /// The place behind `[:name:]`.
    private static func classEnd(_ pattern: UnsafeRawBufferPointer, _ start: Int) -> Int? {
      guard start + 1 < pattern.count, pattern[start + 1] == UInt8(ascii: ":") else { return nil }
      var index = start + 2
      while index + 1 < pattern.count {
        if pattern[index] == UInt8(ascii: ":"), pattern[index + 1] == UInt8(ascii: "]") { return index + 2 }
        guard pattern[index] >= UInt8(ascii: "a"), pattern[index] <= UInt8(ascii: "z") else { return nil }
        index += 1
      }
      return nil
    }

    /// The ends of ranges are made small letters too, classes are asked for the byte as it is: as fnmatch(3) does with
    /// FNM_CASEFOLD.
    func contains(_ byte: UInt8, in pattern: UnsafeRawBufferPointer, ignoringCase: Bool) -> Bool {
      let folded = Glob.fold(byte, ignoringCase)
      var index = members.lowerBound
      while index < members.upperBound {
        if pattern[index] == UInt8(ascii: "["), let close = Self.classEnd(pattern, index), close <= members.upperBound {
          let name = pattern[(index + 2)..<(close - 2)]
          if Self.isMember(byte, ofClass: name) { return true }
          index = close
          continue
        }
        let low = Glob.fold(character(pattern, &index), ignoringCase)
        guard index + 1 < members.upperBound, pattern[index] == UInt8(ascii: "-") else {
          if folded == low { return true }
          continue
        }
        index += 1
        let high = Glob.fold(character(pattern, &index), ignoringCase)
        if low <= folded, folded <= high { return true }
      }
      return false
    }

    private func character(_ pattern: UnsafeRawBufferPointer, _ index: inout Int) -> UInt8 {
      if pattern[index] == UInt8(ascii: "\\"), index + 1 < members.upperBound { index += 1 }
      defer { index += 1 }
      return pattern[index]
    }

    private static func isMember(_ byte: UInt8, ofClass name: Slice<UnsafeRawBufferPointer>) -> Bool {
      let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      let isLower = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
      let isDigit = ConditionScanner.isDigit(byte)
      let isPrinted = (0x21...0x7e).contains(byte)
      switch String(decoding: name, as: UTF8.self) {
      case "alpha": return isUpper || isLower
      case "upper": return isUpper
      case "lower": return isLower
      case "digit": return isDigit
      case "alnum": return isUpper || isLower || isDigit
      case "xdigit": return StringEscapes.hexDigit(byte) != nil
      case "space": return ConditionScanner.isSpace(byte)
      case "blank": return byte == 0x20 || byte == 0x09
      case "punct": return isPrinted && !isUpper && !isLower && !isDigit
      case "graph": return isPrinted
      case "print": return isPrinted || byte == 0x20
      case "cntrl": return byte < 0x20 || byte == 0x7f
      default: return false
      }
    }
  }
}
