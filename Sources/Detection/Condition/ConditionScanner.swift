/// Takes tokens from the text of a condition.
///
/// The tokens are those of Falco's filter grammar (falcosecurity/libs, userspace/libsinsp/filter/parser.h).
struct ConditionScanner {
  private let bytes: [UInt8]
  private(set) var position = TextPosition()
  /// The token that was taken last.
  var token: String {
    get { constant.text }
    set { constant = ByteText(newValue) }
  }
  /// The same as the constant that it is.
  private(set) var constant = ByteText("")

  init(_ text: String) { bytes = Array(text.utf8) }

  /// - Parameter start: where it begins; places are told from the beginning of the bytes.
  init(_ bytes: [UInt8], from start: Int) {
    self.bytes = bytes
    position.offset = start
  }

  var isAtEnd: Bool { position.offset == bytes.count }

  /// The byte at an offset from here; 0 past the end, which no token begins with.
  subscript(_ distance: Int) -> UInt8 {
    let index = position.offset + distance
    return index < bytes.count ? bytes[index] : 0
  }

  /// A place to come back to.
  struct Mark {
    fileprivate var position: TextPosition
    fileprivate var constant: ByteText
  }

  var mark: Mark { Mark(position: position, constant: constant) }

  mutating func goBack(to mark: Mark) {
    position = mark.position
    constant = mark.constant
  }

  private mutating func take(_ count: Int) {
    let end = position.offset + count
    constant = ByteText(Array(bytes[position.offset..<end]))
    for index in position.offset..<end { position.advance(over: bytes[index]) }
  }

  /// - Returns: whether there was any.
  @discardableResult
  mutating func takeBlanks() -> Bool {
    let start = position.offset
    while Self.isBlank(self[0]) { position.advance(over: self[0]) }
    return position.offset > start
  }

  mutating func take(_ text: String) -> Bool {
    let wanted = text.utf8
    guard starts(with: text) else { return false }
    take(wanted.count)
    return true
  }

  func starts(with text: String) -> Bool {
    bytes[position.offset...].starts(with: text.utf8)
  }

  /// Takes the first of `texts` that stands here.
  mutating func takeAny(of texts: [String]) -> Bool {
    for text in texts where take(text) { return true }
    return false
  }

  /// Takes a word that a blank must follow, with the blanks.
  mutating func takeWord(_ word: String) -> Bool {
    let start = mark
    if take(word) {
      if takeBlanks() { return true }
      goBack(to: start)
    }
    return false
  }

  /// `not` and what separates it from the next token.
  mutating func takeNot() -> Bool {
    guard starts(with: "not") else { return false }
    var count = 3
    while Self.isSpace(self[count]) { count += 1 }
    guard count > 3 else { return false }
    take(count)
    return true
  }

  mutating func takeIdentifier() -> Bool {
    let count = identifierLength(from: 0)
    guard count > 0 else { return false }
    take(count)
    return true
  }

  /// Two identifiers or more, with dots between them.
  mutating func takeFieldName() -> Bool {
    var count = identifierLength(from: 0)
    guard count > 0 else { return false }
    var parts = 1
    while self[count] == UInt8(ascii: ".") {
      let next = identifierLength(from: count + 1)
      guard next > 0 else { break }
      count += 1 + next
      parts += 1
    }
    guard parts > 1 else { return false }
    take(count)
    return true
  }

  /// An argument of a field without quotes.
  mutating func takeBareArgument() -> Bool {
    takeRun { !"[]\"'".utf8.contains($0) && !Self.isSpace($0) }
  }

  mutating func takeBareString() -> Bool {
    takeRun { !"()\"'=,".utf8.contains($0) && !Self.isSpace($0) }
  }

  private mutating func takeRun(_ belongs: (UInt8) -> Bool) -> Bool {
    var count = 0
    while position.offset + count < bytes.count, belongs(self[count]) { count += 1 }
    guard count > 0 else { return false }
    take(count)
    return true
  }

  mutating func takeNumber() -> Bool {
    if self[0] == UInt8(ascii: "0"), self[1] | 0x20 == UInt8(ascii: "x") {
      var count = 2
      while StringEscapes.hexDigit(self[count]) != nil { count += 1 }
      if count > 2 {
        take(count)
        return true
      }
    }
    var count = self[0] == UInt8(ascii: "+") || self[0] == UInt8(ascii: "-") ? 1 : 0
    let digits = digitCount(from: count)
    guard digits > 0 else { return false }
    count += digits
    if self[count] == UInt8(ascii: ".") { count += 1 }
    count += digitCount(from: count)
    if self[count] | 0x20 == UInt8(ascii: "e"),
      self[count + 1] == UInt8(ascii: "+") || self[count + 1] == UInt8(ascii: "-")
    {
      let exponent = digitCount(from: count + 2)
      if exponent > 0 { count += 2 + exponent }
    }
    take(count)
    return true
  }

  /// A string in quotes; the token is its value.
  ///
  /// A delimiter after a backslash never ends it, also when that backslash is itself escaped: so Falco has it.
  mutating func takeQuotedString() throws(ConditionSyntaxError) -> Bool {
    let quote = self[0]
    guard quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else { return false }
    var count = 1
    while position.offset + count < bytes.count, self[count] != 0 {
      guard self[count] == quote, self[count - 1] != UInt8(ascii: "\\") else {
        count += 1
        continue
      }
      let text = bytes[position.offset...(position.offset + count)]
      take(count + 1)
      do {
        constant = ByteText(try StringEscapes.unescape(text))
      } catch {
        throw ConditionSyntaxError(message: error.message, position: position)
      }
      return true
    }
    return false
  }

  private func identifierLength(from start: Int) -> Int {
    guard Self.isLetter(self[start]) else { return 0 }
    var count = 1
    while Self.isLetter(self[start + count]) || Self.isDigit(self[start + count])
      || self[start + count] == UInt8(ascii: "_")
    {
      count += 1
    }
    return count
  }

  private func digitCount(from start: Int) -> Int {
    var count = 0
    while Self.isDigit(self[start + count]) { count += 1 }
    return count
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
  }

  static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  /// Whether a keyword cannot end before it.
  static func isWordByte(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) }

  /// What stands between tokens.
  private static func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x09 || byte == 0x08 || byte == 0x0d || byte == 0x0a
  }

  /// What no bare word holds: `[:space:]` of POSIX.
  static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }
}
