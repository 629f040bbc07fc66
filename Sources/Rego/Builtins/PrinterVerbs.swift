import BigInt
import Glibc

extension Printer {
  mutating func print(_ argument: Argument, _ verb: Unicode.Scalar) throws {
    if verb == "T" { return try pad(argument.type) }
    switch argument {
    case .int(let value): try print(int: value, verb)
    case .big(let value): try print(big: value, verb)
    case .real(let value): try print(real: value, verb)
    case .text(let text): try print(text: text, verb)
    }
  }

  private mutating func mismatch(_ argument: Argument, _ verb: Unicode.Scalar) throws {
    try append("%!\(verb)(\(argument.type)=")
    try print(argument, "v")
    try append(")")
  }

  // MARK: Integers

  private mutating func print(int value: Int, _ verb: Unicode.Scalar) throws {
    switch verb {
    case "v", "d": try print(integer: BigInt(value), radix: 10)
    case "b": try print(integer: BigInt(value), radix: 2, prefix: "0b")
    case "o": try print(integer: BigInt(value), radix: 8, prefix: "0")
    case "O": try print(integer: BigInt(value), radix: 8, always: "0o")
    case "x": try print(integer: BigInt(value), radix: 16, prefix: "0x")
    case "X": try print(integer: BigInt(value), radix: 16, prefix: "0X", isUpper: true)
    case "c": try pad(String(Character(Self.scalar(value))))
    case "q": try pad(Quote.character(Self.scalar(value), isASCII: flags.plus))
    case "U":
      let digits = String(UInt(bitPattern: value), radix: 16, uppercase: true)
      let zeros = try zeros(digits.count, of: max(flags.precision ?? 4, 4))
      var text = "U+" + zeros + digits
      if flags.sharp, let scalar = UInt32(exactly: value).flatMap(Unicode.Scalar.init), Quote.isPrinted(scalar) {
        text += " '\(scalar)'"
      }
      try pad(text, isZeroAllowed: false)
    default: try mismatch(.int(value), verb)
    }
  }

  private static func scalar(_ value: Int) -> Unicode.Scalar {
    UInt32(exactly: value).flatMap(Unicode.Scalar.init) ?? "\u{FFFD}"
  }

  private mutating func print(big value: BigInt, _ verb: Unicode.Scalar) throws {
    switch verb {
    case "v", "d", "s": try print(integer: value, radix: 10)
    case "b": try print(integer: value, radix: 2, prefix: "0b")
    case "o": try print(integer: value, radix: 8, prefix: "0")
    case "O": try print(integer: value, radix: 8, always: "0o")
    case "x": try print(integer: value, radix: 16, prefix: "0x")
    case "X": try print(integer: value, radix: 16, prefix: "0X", isUpper: true)
    default: try append("%!\(verb)(big.Int=\(value))")
    }
  }

  /// - Parameter prefix: for "#".
  private mutating func print(
    integer value: BigInt, radix: Int, prefix: String = "", always: String = "", isUpper: Bool = false
  ) throws {
    if flags.precision == 0, value == 0 { return try pad("", isZeroAllowed: false) }
    let sign = value < 0 ? "-" : flags.plus ? "+" : flags.space ? " " : ""
    var digits = String(value.magnitude, radix: radix, uppercase: isUpper)
    if let precision = flags.precision {
      digits = try zeros(digits.count, of: precision) + digits
    } else if flags.zero, !flags.minus, let width = flags.width {
      digits = try zeros(digits.count, of: width - sign.count) + digits
    }
    // One more "0" before octal digits is no use.
    let isMarked = flags.sharp && !(prefix == "0" && digits.first == "0")
    try pad(sign + always + (isMarked ? prefix : "") + digits, isZeroAllowed: false)
  }

  private func zeros(_ count: Int, of width: Int) throws -> String {
    try context.spend(bytes: max(width, 0))
    return String(repeating: "0", count: max(width - count, 0))
  }

  // MARK: Strings

  private mutating func print(text: String, _ verb: Unicode.Scalar) throws {
    switch verb {
    case "v" where flags.isSource: try pad(Quote.text(truncated(text)))
    case "v", "s": try pad(truncated(text))
    case "q":
      let text = truncated(text)
      let isRaw = flags.sharp && text.unicodeScalars.allSatisfy(Self.isRaw)
      try pad(isRaw ? "`\(text)`" : Quote.text(text, isASCII: flags.plus))
    case "x", "X": try print(hex: text, isUpper: verb == "X")
    default: try mismatch(.text(text), verb)
    }
  }

  /// Whether a character may stand between back quotes.
  private static func isRaw(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "\t" || (scalar.value >= 0x20 && !["`", "\u{7F}", "\u{FEFF}"].contains(scalar))
  }

  private func truncated(_ text: String) -> String {
    guard let precision = flags.precision else { return text }
    return String(text.unicodeScalars.prefix(precision))
  }

  private mutating func print(hex text: String, isUpper: Bool) throws {
    let bytes = flags.precision.map { Array(text.utf8.prefix($0)) } ?? text.bytes
    try context.spend(bytes: bytes.count * 4)
    let mark = flags.sharp ? isUpper ? "0X" : "0x" : ""
    let pairs = bytes.map { byte in
      let digits = Quote.hex(UInt32(byte), width: 2)
      return isUpper ? digits.uppercased() : digits
    }
    if pairs.isEmpty { return try pad("") }
    try pad(mark + pairs.joined(separator: flags.space ? " " + mark : ""))
  }

  // MARK: Others

  private mutating func print(real value: Double, _ verb: Unicode.Scalar) throws {
    let text: String
    switch verb {
    case "v", "g": text = Self.shortest(value, flags.precision, flags)
    case "G": text = Self.shortest(value, flags.precision, flags).uppercased()
    case "e", "E", "f", "F":
      let precision = flags.precision ?? 6
      try context.spend(bytes: precision + 330)
      let kind = verb == "F" ? "f" : verb
      text = Self.formatted("%\(flags.sharp ? "#" : "").*\(kind)", precision, value)
    case "x", "X":
      let digits = Self.hex(value, flags.precision)
      text = verb == "X" ? digits.uppercased() : digits
    case "b":
      let mantissa = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
      let exponent = max(Int(value.exponentBitPattern), 1) - 1_075
      text = (value < 0 ? "-" : "") + "\(mantissa)p" + (exponent < 0 ? "" : "+") + "\(exponent)"
    default: return try mismatch(.real(value), verb)
    }
    let isNegative = text.hasPrefix("-")
    let digits = isNegative ? String(text.dropFirst()) : text
    let sign = isNegative ? "-" : flags.plus ? "+" : flags.space ? " " : ""
    if flags.zero, !flags.minus, !sign.isEmpty, let width = flags.width {
      return try append(sign + zeros(digits.count, of: width - 1) + digits)
    }
    try pad(sign + digits)
  }

  private static func shortest(_ value: Double, _ precision: Int?, _ flags: Flags) -> String {
    if let precision { return formatted("%\(flags.sharp ? "#" : "").*g", min(precision, 1_100), value) }
    let text = Digits(value).short(longest: 6)
    return flags.sharp ? filled(text) : text
  }

  /// With a point, and zeros up to six digits.
  private static func filled(_ text: String) -> String {
    let mark = text.firstIndex(of: "e") ?? text.endIndex
    let mantissa = text[..<mark]
    let digits = mantissa.filter(\.isNumber).drop { $0 == "0" }.count
    let zeros = String(repeating: "0", count: max(6 - digits, 0))
    return mantissa + (mantissa.contains(".") ? "" : ".") + zeros + text[mark...]
  }

  /// By C's printf, whose digits are the same.
  private static func formatted(_ format: String, _ precision: Int, _ value: Double) -> String {
    var buffer = [CChar](repeating: 0, count: precision + 400)
    let length = withVaList([Int32(clamping: precision), value]) { vsnprintf(&buffer, buffer.count, format, $0) }
    return String(decoding: buffer.prefix(max(Int(length), 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// As C, but with two digits of the exponent.
  private static func hex(_ value: Double, _ precision: Int?) -> String {
    let text = precision.map { formatted("%.*a", min($0, 1_100), value) } ?? formatted("%.*a", -1, value)
    guard let mark = text.lastIndex(of: "p"), text.distance(from: mark, to: text.endIndex) == 3 else { return text }
    let digit = text.index(mark, offsetBy: 2)
    return text[..<digit] + "0" + text[digit...]
  }
}
