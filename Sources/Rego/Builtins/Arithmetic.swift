import BigInt

/// Sums, differences and products: exact for integers, by 64 bits of precision for others.
enum Arithmetic {
  /// More bits than any honest policy computes with.
  private static let mostBits = 1 << 16

  static func sum(_ left: Number, _ right: Number, _ context: BuiltinContext) throws -> Number? {
    if case .int(let left) = left, case .int(let right) = right {
      let (sum, overflow) = left.addingReportingOverflow(right)
      if !overflow { return .int(sum) }
    }
    guard let first = left.whole, let second = right.whole else {
      return Number.computed(left.real + right.real)
    }
    return try checked(first + second, context)
  }

  static func difference(_ left: Number, _ right: Number, _ context: BuiltinContext) throws -> Number? {
    if case .int(let left) = left, case .int(let right) = right {
      let (difference, overflow) = left.subtractingReportingOverflow(right)
      if !overflow { return .int(difference) }
    }
    guard let first = left.whole, let second = right.whole else {
      return Number.computed(left.real - right.real)
    }
    return try checked(first - second, context)
  }

  static func product(_ left: Number, _ right: Number, _ context: BuiltinContext) throws -> Number? {
    if case .int(let left) = left, case .int(let right) = right {
      let (product, overflow) = left.multipliedReportingOverflow(by: right)
      if !overflow { return .int(product) }
    }
    guard let first = left.whole, let second = right.whole else {
      return Number.computed(left.real * right.real)
    }
    try context.spend(first.bitWidth / 64 * (second.bitWidth / 64))
    return try checked(first * second, context)
  }

  private static func checked(_ value: BigInt, _ context: BuiltinContext) throws -> Number {
    guard value.bitWidth <= mostBits else { throw BudgetExceeded() }
    try context.spend(value.bitWidth / 64)
    return Number(value)
  }
}

extension Number {
  /// What a computation gave, with the text that OPA gives it; `nil` when it is no number.
  static func computed(_ value: Float80) -> Number? {
    if let int = Int(exactly: value) { return .int(int) }
    return computed(value, Digits(value))
  }

  static func computed(_ value: Double) -> Number? { computed(Float80(value), Digits(value)) }

  private static func computed(_ value: Float80, _ digits: Digits) -> Number? {
    guard value.isFinite else { return nil }
    // Of the digits of a large integer, only those count that its precision has.
    if value == value.rounded(.towardZero) { return Number(digits.plain()) }
    return .real(value, text: digits.short(longest: 6))
  }
}

extension Float80 {
  /// With the 53 bits of a double, but its own exponent.
  var roundedToDouble: Float80 {
    guard isNormal else { return self }
    return Float80(sign: sign, exponent: exponent, significand: Float80(Double(significand)))
  }
}

/// The fewest decimal digits that tell a number from its neighbours.
struct Digits {
  let isNegative: Bool
  /// At least one.
  let digits: [UInt8]
  /// The power of ten of the first digit.
  let exponent: Int

  init(_ value: Float80) { self.init(isNegative: value.sign == .minus, text: "\(value.magnitude)") }
  init(_ value: Double) { self.init(isNegative: value.sign == .minus, text: "\(value.magnitude)") }

  private init(isNegative: Bool, text: String) {
    self.isNegative = isNegative
    let halves = text.split(separator: "e", omittingEmptySubsequences: false)
    let mantissa = halves.first ?? ""
    let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    let whole = parts.first.map { Array($0.utf8) } ?? []
    let fraction = parts.count > 1 ? Array(parts[1].utf8) : []
    let all = whole + fraction
    let power = halves.count > 1 ? Int(halves[1]) ?? 0 : 0
    guard let first = all.firstIndex(where: { $0 != UInt8(ascii: "0") }),
      let last = all.lastIndex(where: { $0 != UInt8(ascii: "0") })
    else {
      digits = [UInt8(ascii: "0")]
      exponent = 0
      return
    }
    digits = Array(all[first...last])
    exponent = power + whole.count - 1 - first
  }

  private var sign: String { isNegative ? "-" : "" }

  /// Without an exponent.
  func plain() -> String {
    let text = String(decoding: digits, as: UTF8.self)
    if exponent < 0 { return sign + "0." + String(repeating: "0", count: -exponent - 1) + text }
    if digits.count <= exponent + 1 {
      return sign + text + String(repeating: "0", count: exponent + 1 - digits.count)
    }
    return sign + text.prefix(exponent + 1) + "." + text.dropFirst(exponent + 1)
  }

  /// With an exponent when the number is very small, or has more digits before the point.
  func short(longest: Int) -> String {
    guard exponent < -4 || exponent >= longest else { return plain() }
    let text = String(decoding: digits, as: UTF8.self)
    let power = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
    let rest = digits.count > 1 ? "." + text.dropFirst() : ""
    return sign + text.prefix(1) + rest + "e" + (exponent < 0 ? "-" : "+") + power
  }
}
