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
    guard text.utf8.count <= 1_024, let value = Float80(text), value.isFinite else { return nil }
    self = .real(value, text: text)
  }

  package init(_ big: BigInt) {
    if let int = Int(exactly: big) { self = .int(int) } else { self = .big(big) }
  }

  /// The whole number that it is; `nil` when it has a fraction.
  package var integer: BigInt? {
    switch self {
    case .int(let value): BigInt(value)
    case .big(let value): value
    case .real(let value, _): value == value.rounded(.towardZero) ? BigInt(exactly: value) : nil
    }
  }

  package var int: Int? {
    if case .int(let value) = self { return value }
    return integer.flatMap { Int(exactly: $0) }
  }

  package var real: Float80 {
    switch self {
    case .int(let value): Float80(value)
    case .big(let value): Float80(value.description) ?? .infinity
    case .real(let value, _): value
    }
  }

  package static func order(_ left: Number, _ right: Number) -> Int {
    switch (left, right) {
    case (.int(let left), .int(let right)): return left < right ? -1 : left == right ? 0 : 1
    default:
      if let left = left.integer, let right = right.integer { return left < right ? -1 : left == right ? 0 : 1 }
      return left.real < right.real ? -1 : left.real == right.real ? 0 : 1
    }
  }

  package var text: String {
    switch self {
    case .int(let value): "\(value)"
    case .big(let value): value.description
    case .real(_, let text): text
    }
  }
}
