import BigInt

extension Builtins {
  static let units: [Builtin] = [
    Builtin.text("units.parse") { text, context in
      guard text.utf8.count <= 4_096, let (amount, unit) = Amount.split(text.filteredQuotes.bytes) else { return nil }
      let name = String(unit.prefix(1)) + String(unit.dropFirst()).mapped(\.lower)
      guard let factor = Amount.factor(name), let amount = try Ratio(amount, context) else { return nil }
      return Number(amount.times(factor).text(decimals: 10)).map(Value.number)
    },
    Builtin.text("units.parse_bytes") { text, context in
      guard text.utf8.count <= 4_096,
        let (amount, unit) = Amount.split(text.mapped(\.lower).filteredQuotes.bytes),
        let factor = Amount.bytes(unit), amount.utf8.last.map({ $0 != UInt8(ascii: "e") }) ?? false,
        try Ratio(amount, context) != nil, let value = Float80(amount), value.isFinite
      else { return nil }
      let total = value * factor
      guard total.isFinite else { return nil }
      return BigInt(exactly: total.rounded(.towardZero)).map { .number(Number($0)) }
    },
  ]
}

private enum Amount {
  /// The digits and what is behind them; `nil` when there is no amount, a space, or an exponent of many digits.
  static func split(_ bytes: [UInt8]) -> (amount: String, unit: String)? {
    guard !bytes.contains(UInt8(ascii: " ")) else { return nil }
    var index = 0
    while index < bytes.count {
      let byte = bytes[index]
      if byte | 0x20 == UInt8(ascii: "e") {
        guard index + 1 < bytes.count, isDigit(bytes[index + 1]) || isSign(bytes[index + 1]) else { break }
        if isSign(bytes[index + 1]) { index += 1 }
        guard bytes[(index + 1)...].prefix(while: isDigit).count <= 6 else { return nil }
      } else if !isDigit(byte), !isSign(byte), byte != UInt8(ascii: ".") {
        break
      }
      index += 1
    }
    guard index > 0 else { return nil }
    return (String(decoding: bytes[..<index], as: UTF8.self), String(decoding: bytes[index...], as: UTF8.self))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
  private static func isSign(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") }

  private static func power(_ base: Int, _ letter: Character?) -> BigInt? {
    guard let letter, let place = Array("kmgtpe").firstIndex(of: letter) else { return nil }
    return BigInt(base).power(place + 1)
  }

  /// Small and capital letters are the same, but "m" is a thousandth.
  static func factor(_ unit: String) -> Ratio? {
    switch unit {
    case "": Ratio(1)
    // The float that is next to a thousandth, as OPA has it.
    case "m": Ratio(numerator: BigInt(1_152_921_504_606_847), denominator: BigInt(1) << 60)
    case "M": Ratio(1_000_000)
    default:
      if unit.count == 1 {
        power(1_000, unit.lowercased().first).map { Ratio($0) }
      } else {
        unit.count == 2 && unit.last == "i" ? power(1_024, unit.lowercased().first).map { Ratio($0) } : nil
      }
    }
  }

  static func bytes(_ unit: String) -> Float80? {
    var unit = unit
    if unit.isEmpty { return 1 }
    if unit.count > 1, unit.last == "b" { unit.removeLast() }
    if unit.count == 2, unit.last == "i" { return power(1_024, unit.first).map { Float80($0) } }
    return unit.count == 1 ? power(1_000, unit.first).map { Float80($0) } : nil
  }
}

extension String {
  fileprivate var filteredQuotes: String {
    String(String.UnicodeScalarView(unicodeScalars.filter { $0 != "\"" }))
  }
}

/// A fraction, exact.
private struct Ratio {
  let numerator: BigInt
  /// Above 0.
  let denominator: BigInt

  init(numerator: BigInt, denominator: BigInt) {
    self.numerator = numerator
    self.denominator = denominator
  }

  init(_ whole: BigInt) { self.init(numerator: whole, denominator: 1) }

  /// A decimal number: a sign, digits with a point, and an exponent.
  init?(_ text: String, _ context: BuiltinContext) throws {
    let halves = text.lowercased().split(separator: "e", maxSplits: 1, omittingEmptySubsequences: false)
    guard var mantissa = halves.first else { return nil }
    let isNegative = mantissa.first == "-"
    if isNegative || mantissa.first == "+" { mantissa.removeFirst() }
    let parts = mantissa.split(separator: ".", omittingEmptySubsequences: false)
    let digits = parts.joined()
    guard parts.count <= 2, !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
      let value = BigInt(digits)
    else { return nil }
    var exponent = parts.count == 2 ? -parts[1].utf8.count : 0
    if halves.count == 2 {
      guard let power = Int(halves[1]) else { return nil }
      exponent += power
    }
    guard exponent.magnitude <= 8_192 else { throw BudgetExceeded() }
    try context.spend(Int(exponent.magnitude))
    let scale = BigInt(10).power(Int(exponent.magnitude))
    self.init(
      numerator: (isNegative ? -value : value) * (exponent > 0 ? scale : 1), denominator: exponent < 0 ? scale : 1)
  }

  func times(_ other: Ratio) -> Ratio {
    Ratio(numerator: numerator * other.numerator, denominator: denominator * other.denominator)
  }

  /// The integer that it is, or so many decimals, rounded half away from zero.
  func text(decimals: Int) -> String {
    let (whole, rest) = numerator.magnitude.quotientAndRemainder(dividingBy: denominator.magnitude)
    let sign = numerator < 0 ? "-" : ""
    guard rest != 0 else { return sign + whole.description }
    let scaled = numerator.magnitude * BigUInt(10).power(decimals)
    let rounded = (scaled * 2 + denominator.magnitude) / (denominator.magnitude * 2)
    let digits = rounded.description
    let padded = String(repeating: "0", count: max(decimals + 1 - digits.count, 0)) + digits
    return sign + padded.dropLast(decimals) + "." + padded.suffix(decimals)
  }
}
