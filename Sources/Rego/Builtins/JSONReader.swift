/// Why a text is no JSON.
package struct JSONError: Error {
  /// The byte where it ends to be.
  package let offset: Int
}

extension Value {
  /// Of equal keys the last counts.
  package init(json: String) throws {
    var reader = JSONReader(json.bytes)
    self = try reader.document()
  }
}

/// Reads JSON (RFC 8259), as deep as 512.
struct JSONReader {
  private let bytes: [UInt8]
  private var index = 0
  private var depth = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws -> Value {
    let value = try value()
    skip()
    guard index == bytes.count else { throw JSONError(offset: index) }
    return value
  }

  private var peek: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skip() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  /// Whether a sign comes next, which is read then.
  private mutating func take(_ sign: Unicode.Scalar) -> Bool {
    skip()
    guard let byte = peek, byte == UInt8(ascii: sign) else { return false }
    index += 1
    return true
  }

  private mutating func value() throws -> Value {
    skip()
    switch peek {
    case UInt8(ascii: "{"): return try deeper { reader in try reader.object() }
    case UInt8(ascii: "["): return try deeper { reader in try reader.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  private mutating func deeper(_ read: (inout JSONReader) throws -> Value) throws -> Value {
    guard depth < 512 else { throw JSONError(offset: index) }
    depth += 1
    defer { depth -= 1 }
    index += 1
    return try read(&self)
  }

  private mutating func word(_ word: String, _ value: Value) throws -> Value {
    guard bytes.has(word.bytes, at: index) else { throw JSONError(offset: index) }
    index += word.utf8.count
    return value
  }

  private mutating func object() throws -> Value {
    var entries: [(Value, Value)] = []
    if take("}") { return .object(ObjectValue()) }
    repeat {
      skip()
      guard peek == UInt8(ascii: "\"") else { throw JSONError(offset: index) }
      let key = try string()
      guard take(":") else { throw JSONError(offset: index) }
      entries.append((.string(key), try value()))
    } while take(",")
    guard take("}") else { throw JSONError(offset: index) }
    return .object(ObjectValue(entries))
  }

  private mutating func array() throws -> Value {
    var items: [Value] = []
    if take("]") { return .array([]) }
    repeat { items.append(try value()) } while take(",")
    guard take("]") else { throw JSONError(offset: index) }
    return .array(items)
  }

  private mutating func number() throws -> Number {
    let start = index
    if peek == UInt8(ascii: "-") { index += 1 }
    if peek == UInt8(ascii: "0") { index += 1 } else { try digits() }
    if peek == UInt8(ascii: ".") {
      index += 1
      try digits()
    }
    if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
      index += 1
      if peek == UInt8(ascii: "+") || peek == UInt8(ascii: "-") { index += 1 }
      try digits()
    }
    guard let number = Number(String(decoding: bytes[start..<index], as: UTF8.self)) else {
      throw JSONError(offset: start)
    }
    return number
  }

  private mutating func digits() throws {
    let start = index
    while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { index += 1 }
    guard index > start else { throw JSONError(offset: index) }
  }

  private mutating func string() throws -> String {
    index += 1
    var text: [UInt8] = []
    var start = index
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        defer { index += 1 }
        // Most have no escapes.
        if text.isEmpty { return String(decoding: bytes[start..<index], as: UTF8.self) }
        text += bytes[start..<index]
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        text += bytes[start..<index]
        index += 1
        try escape(to: &text)
        start = index
      case 0..<0x20: throw JSONError(offset: index)
      default: index += 1
      }
    }
    throw JSONError(offset: index)
  }

  private mutating func escape(to text: inout [UInt8]) throws {
    guard let byte = peek else { throw JSONError(offset: index) }
    index += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0C)
    case UInt8(ascii: "n"): text.append(0x0A)
    case UInt8(ascii: "r"): text.append(0x0D)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"): text += String(Character(try scalar())).utf8
    default: throw JSONError(offset: index)
    }
  }

  /// After "\u": one character, of one or of two escapes. Half of a pair is U+FFFD.
  private mutating func scalar() throws -> Unicode.Scalar {
    guard let first = hex() else { throw JSONError(offset: index) }
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, bytes.has(Array("\\u".utf8), at: index) else { return "\u{FFFD}" }
    let mark = index
    index += 2
    guard let second = hex() else { throw JSONError(offset: index) }
    guard second >= 0xDC00, second < 0xE000 else {
      index = mark
      return "\u{FFFD}"
    }
    return Unicode.Scalar(0x1_0000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
  }

  private mutating func hex() -> UInt32? {
    guard index + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for byte in bytes[index..<(index + 4)] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    index += 4
    return value
  }
}
