/// What a scalar without quotes and tags means (YAML 1.1, as Go's yaml.v2 reads it).
enum YAMLScalar {
  case null
  case bool(Bool)
  case int(Int)
  case unsigned(UInt64)
  case real(Double)
  /// An infinity, or none at all: no JSON.
  case notFinite
  case text(String)

  /// `nil` when it is better not read: numbers that no other reader takes for some.
  init?(_ text: String) {
    let unsigned = text.hasPrefix("+") || text.hasPrefix("-") ? text.dropFirst() : text[...]
    if text.hasPrefix("."), text.contains("_") { return nil }
    if unsigned.lowercased().hasPrefix("0b"), unsigned.contains(where: { $0 == "+" || $0 == "-" }) { return nil }
    if let word = Self.words[text] {
      self = word
    } else if let first = text.utf8.first,
      Self.isDigit(first) || first == UInt8(ascii: "+") || first == UInt8(ascii: "-")
    {
      self = Self.number(text.replacing("_", with: "")) ?? .text(text)
    } else if text.utf8.first == UInt8(ascii: "."), let number = Self.real(text) {
      self = number
    } else {
      self = .text(text)
    }
  }

  var value: Value? {
    switch self {
    case .null: .null
    case .bool(let isTrue): .bool(isTrue)
    case .int(let number): .int(number)
    case .unsigned(let number): Number("\(number)").map(Value.number)
    case .real(let number): Number(Self.json(number)).map(Value.number)
    case .notFinite: nil
    case .text(let text): .string(text)
    }
  }

  private static let words: [String: YAMLScalar] = {
    var words: [String: YAMLScalar] = [:]
    for word in ["", "~", "null", "Null", "NULL"] { words[word] = .null }
    for word in ["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"] { words[word] = .bool(true) }
    for word in ["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"] {
      words[word] = .bool(false)
    }
    for word in [".nan", ".NaN", ".NAN"] { words[word] = .notFinite }
    for sign in ["", "+", "-"] { for word in [".inf", ".Inf", ".INF"] { words[sign + word] = .notFinite } }
    return words
  }()

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  private static func number(_ text: String) -> YAMLScalar? {
    let isNegative = text.hasPrefix("-")
    let digits = text.hasPrefix("+") || isNegative ? text.dropFirst() : text[...]
    let (radix, rest) = radix(digits)
    // A second sign is none.
    if let first = rest.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") {
      if let int = Int((isNegative ? "-" : "") + rest, radix: radix) { return .int(int) }
      if digits.utf8.count == text.utf8.count, let unsigned = UInt64(rest, radix: radix) { return .unsigned(unsigned) }
    }
    return real(text)
  }

  /// 0x, 0o and 0b, and 0 for what is octal, too.
  private static func radix(_ digits: Substring) -> (Int, Substring) {
    guard digits.utf8.first == UInt8(ascii: "0"), digits.utf8.count > 1 else { return (10, digits) }
    switch digits.dropFirst().first {
    case "x", "X": return (16, digits.dropFirst(2))
    case "o", "O": return (8, digits.dropFirst(2))
    case "b", "B": return (2, digits.dropFirst(2))
    default: return (8, digits.dropFirst())
    }
  }

  /// A decimal fraction, perhaps with an exponent. What is too large for 64 bits is none.
  private static func real(_ text: String) -> YAMLScalar? {
    var rest = Array(text.utf8)[...]
    func digits() -> Int {
      let digits = rest.prefix(while: isDigit)
      rest = rest.dropFirst(digits.count)
      return digits.count
    }
    func skip(_ signs: String) -> Bool {
      guard let byte = rest.first, signs.utf8.contains(byte) else { return false }
      rest = rest.dropFirst()
      return true
    }
    _ = skip("+-")
    let whole = digits()
    let fraction = skip(".") ? digits() : 0
    guard whole + fraction > 0 else { return nil }
    if skip("eE") {
      _ = skip("+-")
      guard digits() > 0 else { return nil }
    }
    guard rest.isEmpty, let number = Double(text), number.isFinite else { return nil }
    return .real(number)
  }

  /// As Go's encoding/json writes it.
  private static func json(_ number: Double) -> String {
    let digits = Digits(number)
    guard digits.exponent < -6 || digits.exponent >= 21 else { return digits.plain() }
    return digits.short(longest: 21).replacing("e-0", with: "e-")
  }
}
