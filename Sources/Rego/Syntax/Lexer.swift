/// Takes a policy apart into tokens.
struct Lexer {
  private let bytes: [UInt8]
  private let file: String
  private var place = 0
  private var line = 1
  private var lineStart = 0

  /// - Throws: `RegoError` at what is no token.
  static func tokens(of text: String, file: String) throws(RegoError) -> [Token] {
    var lexer = Lexer(text, file: file)
    var tokens: [Token] = []
    while true {
      let token = try lexer.next()
      tokens.append(token)
      if token.kind == .end { return tokens }
    }
  }

  private init(_ text: String, file: String) {
    bytes = Array(text.utf8)
    self.file = file
  }

  private var location: Location { Location(file: file, line: line, column: place - lineStart + 1) }

  private func byte(_ distance: Int = 0) -> UInt8 {
    place + distance < bytes.count ? bytes[place + distance] : 0
  }

  private mutating func next() throws(RegoError) -> Token {
    let (startLine, start) = (line, place)
    skipBlanks()
    let isFirst = line > startLine || start == 0
    let isApart = place > start
    let here = location
    let kind = try kind()
    return Token(kind: kind, location: here, isFirstOfLine: isFirst, isApart: isApart)
  }

  private mutating func skipBlanks() {
    while place < bytes.count {
      switch bytes[place] {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): place += 1
      case UInt8(ascii: "\n"):
        place += 1
        (line, lineStart) = (line + 1, place)
      case UInt8(ascii: "#"):
        while place < bytes.count, bytes[place] != UInt8(ascii: "\n") { place += 1 }
      default: return
      }
    }
  }

  private mutating func kind() throws(RegoError) -> Token.Kind {
    guard place < bytes.count else { return .end }
    let first = bytes[place]
    if Self.isLetter(first) { return .name(takeName()) }
    if Self.isDigit(first) { return try takeNumber() }
    switch first {
    case UInt8(ascii: "\""): return .string(try takeString())
    case UInt8(ascii: "`"): return .string(try takeRawString())
    default: break
    }
    for symbol in Self.symbols where bytes[place...].starts(with: symbol.utf8) {
      place += symbol.utf8.count
      return .symbol(symbol)
    }
    throw RegoError("unexpected character '\(String(decoding: [first], as: UTF8.self))'", location)
  }

  /// The longer ones first.
  private static let symbols = [
    ":=", "==", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "{", "}", "[", "]", "(", ")", ",",
    ".", ":", ";",
  ]

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20) || byte == UInt8(ascii: "_")
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private mutating func takeName() -> String {
    let start = place
    while Self.isLetter(byte()) || Self.isDigit(byte()) { place += 1 }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  private mutating func takeNumber() throws(RegoError) -> Token.Kind {
    let (start, here) = (place, location)
    takeDigits()
    if bytes[start] == UInt8(ascii: "0"), place - start > 1 { throw RegoError("a number must not begin with 0", here) }
    if byte() == UInt8(ascii: "."), Self.isDigit(byte(1)) {
      place += 1
      takeDigits()
    }
    if byte() | 0x20 == UInt8(ascii: "e") {
      let sign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-") ? 1 : 0
      if Self.isDigit(byte(1 + sign)) {
        place += 1 + sign
        takeDigits()
      }
    }
    let text = String(decoding: bytes[start..<place], as: UTF8.self)
    guard !Self.isLetter(byte()), let number = Number(text) else { throw RegoError("'\(text)' is no number", here) }
    return .number(number)
  }

  private mutating func takeDigits() { while Self.isDigit(byte()) { place += 1 } }

  private mutating func takeRawString() throws(RegoError) -> String {
    let here = location
    place += 1
    let start = place
    while place < bytes.count, bytes[place] != UInt8(ascii: "`") {
      if bytes[place] == UInt8(ascii: "\n") { (line, lineStart) = (line + 1, place + 1) }
      place += 1
    }
    guard place < bytes.count else { throw RegoError("the string is never closed", here) }
    place += 1
    return String(decoding: bytes[start..<(place - 1)], as: UTF8.self)
  }

  private mutating func takeString() throws(RegoError) -> String {
    let here = location
    place += 1
    var result: [UInt8] = []
    while place < bytes.count, bytes[place] != UInt8(ascii: "\""),
      bytes[place] >= 0x20 || bytes[place] == UInt8(ascii: "\t")
    {
      guard bytes[place] == UInt8(ascii: "\\") else {
        result.append(bytes[place])
        place += 1
        continue
      }
      place += 1
      try takeEscape(into: &result)
    }
    guard byte() == UInt8(ascii: "\"") else { throw RegoError("the string is never closed", here) }
    place += 1
    return String(decoding: result, as: UTF8.self)
  }

  private mutating func takeEscape(into result: inout [UInt8]) throws(RegoError) {
    let here = location
    let escape = byte()
    place += 1
    switch escape {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
    case UInt8(ascii: "b"): result.append(8)
    case UInt8(ascii: "f"): result.append(12)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "t"): result.append(9)
    case UInt8(ascii: "u"):
      guard var scalar = takeHex() else { throw RegoError("\\u wants four hexadecimal digits", here) }
      if (0xd800..<0xdc00).contains(scalar), byte() == UInt8(ascii: "\\"), byte(1) == UInt8(ascii: "u") {
        let back = place
        place += 2
        if let low = takeHex(), (0xdc00..<0xe000).contains(low) {
          scalar = 0x10000 + (scalar - 0xd800) << 10 + (low - 0xdc00)
        } else {
          place = back
        }
      }
      result += String(Unicode.Scalar(scalar) ?? "\u{fffd}").utf8
    default: throw RegoError("unknown escape in a string", here)
    }
  }

  private mutating func takeHex() -> UInt32? {
    guard place + 4 <= bytes.count else { return nil }
    let digits = String(decoding: bytes[place..<(place + 4)], as: UTF8.self)
    guard digits.utf8.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }),
      let value = UInt32(digits, radix: 16)
    else { return nil }
    place += 4
    return value
  }
}
