import BigInt

/// A number, exact when it is an integer. Others have 64 bits of precision, as OPA computes with them, and keep the text
/// that they were written with.
package enum Number: Sendable {
  case int(Int)
  case big(BigInt)
  case real(Float80, text: String)

  /// A number as JSON writes it; `nil` when it is none, or too large to compute with.
  package init?(_ text: String) {
    if let int = Int(text), text.first != "+" {
      self = .int(int)
      return
    }
    let digits = text.first == "-" ? text.dropFirst() : text[...]
    if !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) {
      guard digits.utf8.count <= 4_096, let big = BigInt(text) else { return nil }
      self.init(big)
      return
    }
    guard text.utf8.count <= 1_024, Decimal(text).isBounded, let value = Float80(text), value.isFinite else {
      return nil
    }
    self = .real(value, text: text)
  }

  package init(_ big: BigInt) {
    if let int = Int(exactly: big) { self = .int(int) } else { self = .big(big) }
  }

  package var text: String {
    switch self {
    case .int(let value): "\(value)"
    case .big(let value): value.description
    case .real(_, let text): text
    }
  }

  package var int: Int? {
    if case .int(let value) = self { return value }
    return whole.flatMap { Int(exactly: $0) }
  }

  package var real: Float80 {
    switch self {
    case .int(let value): Float80(value)
    case .big(let value): Float80(value.description) ?? .infinity
    case .real(let value, _): value
    }
  }

  /// The whole number that it is, exactly as it is written; `nil` when it has a fraction.
  var whole: BigInt? {
    switch self {
    case .int(let value): BigInt(value)
    case .big(let value): value
    case .real: decimal.whole
    }
  }

  /// Compares what is written, exactly.
  package static func order(_ left: Number, _ right: Number) -> Int {
    switch (left, right) {
    case (.int(let left), .int(let right)): left < right ? -1 : left == right ? 0 : 1
    case (.big(let left), .big(let right)): left < right ? -1 : left == right ? 0 : 1
    default: Decimal.order(left.decimal, right.decimal)
    }
  }

  private var decimal: Decimal { Decimal(text) }
}

/// A number as it is written: `0.digits` times ten to the `exponent`.
private struct Decimal {
  private let isNegative: Bool
  /// Without zeros at either end; none for zero.
  private let digits: [UInt8]
  private let exponent: Int

  init(_ text: String) {
    var digits: [UInt8] = []
    var (point, written) = (Int?.none, 0)
    var bytes = text.utf8[...]
    if bytes.first == UInt8(ascii: "-") { bytes = bytes.dropFirst() }
    while let byte = bytes.first, byte | 0x20 != UInt8(ascii: "e") {
      if byte == UInt8(ascii: ".") { point = digits.count } else { digits.append(byte) }
      bytes = bytes.dropFirst()
    }
    // What does not fit is no number to compute with.
    if !bytes.isEmpty { written = Int32(String(Substring(bytes.dropFirst()))).map(Int.init) ?? Int(Int32.max) }
    let zeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
    exponent = (point ?? digits.count) - zeros + written
    digits.removeFirst(zeros)
    while digits.last == UInt8(ascii: "0") { digits.removeLast() }
    self.digits = digits
    isNegative = text.utf8.first == UInt8(ascii: "-") && !digits.isEmpty
  }

  /// Whether its exponent is one that numbers of 80 bits have, and near it.
  var isBounded: Bool { abs(exponent) <= 6_000 }

  var whole: BigInt? {
    if digits.isEmpty { return 0 }
    guard exponent >= digits.count, exponent <= 5_000, let value = BigInt(String(decoding: digits, as: UTF8.self))
    else {
      return nil
    }
    let scaled = value * BigInt(10).power(exponent - digits.count)
    return isNegative ? -scaled : scaled
  }

  static func order(_ left: Decimal, _ right: Decimal) -> Int {
    if left.isNegative != right.isNegative { return left.isNegative ? -1 : 1 }
    return left.isNegative ? magnitudes(right, left) : magnitudes(left, right)
  }

  private static func magnitudes(_ left: Decimal, _ right: Decimal) -> Int {
    if left.digits.isEmpty || right.digits.isEmpty { return left.digits.count - right.digits.count }
    if left.exponent != right.exponent { return left.exponent < right.exponent ? -1 : 1 }
    if left.digits == right.digits { return 0 }
    return left.digits.lexicographicallyPrecedes(right.digits) ? -1 : 1
  }
}
