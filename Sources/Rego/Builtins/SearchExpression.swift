import CRE2

/// A regular expression as Go's package regexp has them, by RE2.
final class SearchExpression: Sendable {
  /// Any number of threads may search at once (re2/re2.h), and nothing changes it.
  nonisolated(unsafe) private let expression: OpaquePointer
  /// How many groups there are, with the whole match.
  let groups: Int
  /// The names of the groups, where they have one; the first is the whole match.
  let names: [[UInt8]?]

  /// `nil` when it is no expression.
  init?(_ pattern: String) {
    guard let pattern = Self.translated(pattern.bytes),
      let compiled = pattern.withUnsafeBufferPointer({ buffer in
        buffer.withMemoryRebound(to: CChar.self) { lobstack_re2_compile_perl($0.baseAddress, $0.count) }
      })
    else { return nil }
    guard lobstack_re2_error(compiled) == nil else {
      lobstack_re2_free(compiled)
      return nil
    }
    expression = compiled
    groups = Int(lobstack_re2_groups(compiled)) + 1
    names = (0..<groups).map { group in
      guard let name = lobstack_re2_group_name(compiled, Int32(group)) else { return nil }
      return String(cString: name).bytes
    }
  }

  deinit { lobstack_re2_free(expression) }

  func matches(_ text: [UInt8]) -> Bool { search(text, from: 0, groups: 0) != nil }

  /// The first match from a place on, with as many groups as asked for; `nil` for one that took no part.
  func search(_ text: [UInt8], from start: Int, groups: Int) -> [Range<Int>?]? {
    var offsets = [Int](repeating: -1, count: groups * 2)
    // RE2 tells a text that is empty from one that is not there.
    let isFound = (text.isEmpty ? [0] : text).withUnsafeBufferPointer { buffer in
      buffer.withMemoryRebound(to: CChar.self) { buffer in
        lobstack_re2_search(expression, buffer.baseAddress, text.count, start, &offsets, Int32(groups)) != 0
      }
    }
    guard isFound else { return nil }
    return (0..<groups).map { group in
      offsets[2 * group] < 0 ? nil : offsets[2 * group]..<offsets[2 * group + 1]
    }
  }

  /// All matches, one after the other. None that is empty follows another directly.
  func matches(
    _ text: [UInt8], atMost most: Int, groups: Int, _ context: BuiltinContext
  ) throws -> [[Range<Int>?]] {
    var found: [[Range<Int>?]] = []
    var (position, last) = (0, -1)
    while found.count < most, position <= text.count {
      try context.spend(1 + (text.count - position) / 256)
      guard let match = search(text, from: position, groups: max(groups, 1)), let whole = match.first ?? nil
      else { break }
      if whole.upperBound == position, whole.isEmpty {
        position += position < text.count ? String.scalar(text, at: position).length : 1
        if whole.lowerBound != last { found.append(match) }
      } else {
        position = whole.upperBound
        found.append(match)
      }
      last = whole.upperBound
    }
    return found
  }

  /// Where the name of a group begins that begins at a place.
  private static func nameStart(_ pattern: [UInt8], _ index: Int) -> Int? {
    if pattern.has(Array("(?<".utf8), at: index) { return index + 3 }
    return pattern.has(Array("(?P<".utf8), at: index) ? index + 4 : nil
  }

  /// What Go takes and RE2 does not: "(?<name>". `nil` for what only RE2 takes: "\C", and names that are not ASCII.
  private static func translated(_ pattern: [UInt8]) -> [UInt8]? {
    var output: [UInt8] = []
    output.reserveCapacity(pattern.count + 1)
    var (index, isClass) = (0, false)
    while index < pattern.count {
      let byte = pattern[index]
      switch byte {
      case UInt8(ascii: "\\") where index + 1 < pattern.count:
        let next = pattern[index + 1]
        if next == UInt8(ascii: "C") { return nil }
        if next == UInt8(ascii: "Q"), !isClass {
          let end = pattern.place(of: Array("\\E".utf8), from: index + 2).map { $0 + 2 } ?? pattern.count
          output += pattern[index..<end]
          index = end
          continue
        }
        output += [byte, next]
        index += 2
        continue
      case UInt8(ascii: "["):
        if !isClass {
          isClass = true
          output.append(byte)
          index += 1
          // A bracket that comes first closes nothing.
          if index < pattern.count, pattern[index] == UInt8(ascii: "^") {
            output.append(pattern[index])
            index += 1
          }
          if index < pattern.count, pattern[index] == UInt8(ascii: "]") {
            output.append(pattern[index])
            index += 1
          }
          continue
        }
        if pattern.has(Array("[:".utf8), at: index),
          let end = pattern.place(of: Array(":]".utf8), from: index + 2)
        {
          output += pattern[index..<(end + 2)]
          index = end + 2
          continue
        }
      case UInt8(ascii: "]"): isClass = false
      case UInt8(ascii: "(") where !isClass:
        guard let start = nameStart(pattern, index) else { break }
        let name = pattern[start...].prefix { $0 != UInt8(ascii: ">") }
        guard name.allSatisfy({ $0 < 0x80 }) else { return nil }
        output += Array("(?P<".utf8)
        index = start
        continue
      default: break
      }
      output.append(byte)
      index += 1
    }
    return output
  }
}
