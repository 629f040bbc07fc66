/// Why a text is no JSON.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The byte where it ends to be.
  package let offset: Int

  package var description: String { "no JSON from byte \(offset) on" }
}

extension JSON {
  /// The value that a text holds. Of equal keys the last counts.
  ///
  /// - Throws: `JSONError`.
  package init(_ text: [UInt8]) throws(JSONError) {
    var reader = JSONReader(text)
    self = try reader.value()
    try reader.finish()
  }
}

/// Reads JSON (RFC 8259) in one pass, as deep as 256: into values, or member by member, so that what nobody wants is
/// never built.
package struct JSONReader {
  private static let deepest = 256

  private let bytes: [UInt8]
  private var index = 0
  private var depth = 0

  package init(_ text: [UInt8]) { bytes = text }

  /// Expects that nothing but blanks comes any more.
  package mutating func finish() throws(JSONError) {
    passBlanks()
    guard index == bytes.count else { throw failure }
  }

  package mutating func value() throws(JSONError) -> JSON {
    passBlanks()
    guard index < bytes.count else { throw failure }
    switch bytes[index] {
    case UInt8(ascii: "{"):
      var members: [String: JSON] = [:]
      try self.members { (reader, key) throws(JSONError) in members[key] = try reader.value() }
      return .object(members)
    case UInt8(ascii: "["):
      var values: [JSON] = []
      try elements { (reader) throws(JSONError) in values.append(try reader.value()) }
      return .array(values)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return try number()
    }
  }

  /// Whether an object comes next.
  package var isAtObject: Bool {
    mutating get {
      passBlanks()
      return index < bytes.count && bytes[index] == UInt8(ascii: "{")
    }
  }

  /// Whether an array comes next.
  package var isAtArray: Bool {
    mutating get {
      passBlanks()
      return index < bytes.count && bytes[index] == UInt8(ascii: "[")
    }
  }

  /// Reads an object. The body is called for each member, and has to read its value or to pass over it.
  package mutating func members(_ body: (inout JSONReader, String) throws(JSONError) -> Void) throws(JSONError) {
    try enter("{")
    if !take("}") {
      repeat {
        passBlanks()
        let key = try string()
        guard take(":") else { throw failure }
        try body(&self, key)
      } while take(",")
      guard take("}") else { throw failure }
    }
    depth -= 1
  }

  /// Reads an array. The body is called for each element, and has to read it or to pass over it.
  package mutating func elements(_ body: (inout JSONReader) throws(JSONError) -> Void) throws(JSONError) {
    try enter("[")
    if !take("]") {
      repeat { try body(&self) } while take(",")
      guard take("]") else { throw failure }
    }
    depth -= 1
  }

  /// Passes over a value, of which only strings and brackets are looked at.
  package mutating func pass() throws(JSONError) {
    passBlanks()
    var open = 0
    repeat {
      guard index < bytes.count else { throw failure }
      switch bytes[index] {
      case UInt8(ascii: "{"), UInt8(ascii: "["): open += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        guard open > 0 else { throw failure }
        open -= 1
      case UInt8(ascii: "\""):
        try passString()
        continue
      case UInt8(ascii: ",") where open == 0: throw failure
      default:
        if open == 0 {
          passWord()
          return
        }
      }
      index += 1
    } while open > 0
  }

  private var failure: JSONError { JSONError(offset: index) }

  private mutating func enter(_ sign: Unicode.Scalar) throws(JSONError) {
    guard depth < Self.deepest, take(sign) else { throw failure }
    depth += 1
  }

  private mutating func passBlanks() {
    while index < bytes.count {
      switch bytes[index] {
      case 0x20, 0x0A, 0x0D, 0x09: index += 1
      default: return
      }
    }
  }

  /// Whether a sign comes next, which is read then.
  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    passBlanks()
    guard index < bytes.count, bytes[index] == UInt8(ascii: sign) else { return false }
    index += 1
    return true
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let end = index + word.utf8CodeUnitCount
    guard end <= bytes.count else { throw failure }
    for offset in 0..<word.utf8CodeUnitCount where bytes[index + offset] != word.utf8Start[offset] { throw failure }
    index = end
    return value
  }

  private mutating func passWord() {
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0A, 0x0D, 0x09: return
      default: index += 1
      }
    }
  }

  private mutating func number() throws(JSONError) -> JSON {
    let start = index
    let isNegative = bytes[index] == UInt8(ascii: "-")
    if isNegative { index += 1 }
    var isWhole = true
    var isTooLarge = false
    var value = 0
    let firstDigit = index
    while let digit {
      let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow) = product.subtractingReportingOverflow(digit)
      if tooLarge || overflow { isTooLarge = true }
      value = sum
      index += 1
    }
    guard index > firstDigit, bytes[firstDigit] != UInt8(ascii: "0") || index == firstDigit + 1 else { throw failure }
    if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
      isWhole = false
      index += 1
      try digits()
    }
    if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      index += 1
      if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    // Summed up below zero, where there is room for one more.
    if isWhole, !isTooLarge, isNegative || value != .min { return .int(isNegative ? value : -value) }
    let text = String(decoding: bytes[start..<index], as: UTF8.self)
    if isWhole, let number = UInt64(text) { return .unsigned(number) }
    guard let number = Double(text), number.isFinite else { throw failure }
    return .double(number)
  }

  private var digit: Int? {
    guard index < bytes.count, case 0x30...0x39 = bytes[index] else { return nil }
    return Int(bytes[index] & 0xF)
  }

  private mutating func digits() throws(JSONError) {
    guard digit != nil else { throw failure }
    while digit != nil { index += 1 }
  }
}

// Strings.
extension JSONReader {
  private mutating func passString() throws(JSONError) {
    index += 1
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        index += 1
        return
      case UInt8(ascii: "\\"): index += 2
      default: index += 1
      }
    }
    throw failure
  }

  private mutating func string() throws(JSONError) -> String {
    guard index < bytes.count, bytes[index] == UInt8(ascii: "\"") else { throw failure }
    index += 1
    var text: [UInt8] = []
    var start = index
    while index < bytes.count {
      switch bytes[index] {
      case UInt8(ascii: "\""):
        // Most have no escapes.
        let string =
          text.isEmpty
          ? String(validating: bytes[start..<index], as: UTF8.self)
          : String(validating: text + bytes[start..<index], as: UTF8.self)
        guard let string else { throw failure }
        index += 1
        return string
      case UInt8(ascii: "\\"):
        text += bytes[start..<index]
        index += 1
        try escape(to: &text)
        start = index
      case 0..<0x20: throw failure
      default: index += 1
      }
    }
    throw failure
  }

  private mutating func escape(to text: inout [UInt8]) throws(JSONError) {
    guard index < bytes.count else { throw failure }
    let byte = bytes[index]
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text += String(try scalar()).utf8
    default: throw failure
    }
  }

  /// A character that is written as one UTF-16 code unit or two. Half of a pair alone becomes U+FFFD, as Go has it.
  private mutating func scalar() throws(JSONError) -> Character {
    let first = try codeUnit()
    guard UTF16.isLeadSurrogate(first), index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u")
    else { return Character(Unicode.Scalar(first) ?? "\u{FFFD}") }
    let place = index
    index += 2
    let second = try codeUnit()
    guard UTF16.isTrailSurrogate(second) else {
      index = place
      return "\u{FFFD}"
    }
    let value = 0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF))
    return Character(Unicode.Scalar(value) ?? "\u{FFFD}")
  }

  private mutating func codeUnit() throws(JSONError) -> UInt16 {
    guard index + 4 <= bytes.count else { throw failure }
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue, bytes[index] < 0x80 else {
        throw failure
      }
      unit = unit << 4 | UInt16(digit)
      index += 1
    }
    return unit
  }
}
