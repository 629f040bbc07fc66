import Faults

/// Literal values and collections: the part of the expression sub-language that needs no evaluation.
extension Parser {
  mutating func value() throws -> HCLValue {
    switch cursor.next {
    case "\"": return .string(try quoted())
    case "<" where cursor.peek(1) == "<": return .string(try heredoc())
    case "[": return .list(try nested { try $0.list() })
    case "{": return .object(try nested { try $0.object() })
    case "-"?: return try number()
    case let scalar? where scalar.isDigit: return try number()
    case let scalar? where scalar.startsName: return try word()
    default:
      throw cursor.unexpected(
        expected: "a value on this line",
        remedy: "write text in double quotes, a number, true, false, null, [ … ] or { … }; expressions are not read")
    }
  }

  private mutating func word() throws -> HCLValue {
    let start = cursor.offset
    let word = cursor.take { $0.continuesName }
    switch word.text {
    case "true": return .bool(true)
    case "false": return .bool(false)
    case "null": return .null
    default:
      let kind = cursor.next == "(" ? "function" : "reference"
      throw cursor.fault(
        at: start, "found the \(kind) \(shown(word)), expected a value",
        remedy: "put text in double quotes; functions, references and expressions are not read")
    }
  }

  private mutating func list() throws -> [HCLValue] {
    var items: [HCLValue] = []
    cursor.advance()
    try cursor.skipBlanks(andLines: true)
    while !cursor.take("]") {
      items.append(try value())
      try cursor.skipBlanks(andLines: true)
      guard cursor.take(",") || cursor.next == "]" else {
        throw cursor.unexpected(expected: "',' or ']'", remedy: "separate the values of a list with commas")
      }
      try cursor.skipBlanks(andLines: true)
    }
    return items
  }

  private mutating func object() throws -> HCLObject {
    var object = HCLObject()
    cursor.advance()
    try cursor.skipBlanks(andLines: true)
    while !cursor.take("}") {
      let start = cursor.offset
      let key = cursor.next == "\"" ? try quoted() : try name(expected: "a key or '}'")
      try cursor.skipBlanks()
      guard cursor.take("=") || cursor.take(":") else {
        throw cursor.unexpected(expected: "'=' or ':'", remedy: "write key = value")
      }
      try cursor.skipBlanks()
      guard object.add(try value(), for: key) else { throw duplicate(key, at: start) }
      try cursor.skipBlanks()
      guard cursor.take(",") || cursor.take("\n") || cursor.next == "}" else {
        throw cursor.unexpected(
          expected: "',', '}' or the end of the line",
          remedy: "separate the values of an object; expressions are not read")
      }
      try cursor.skipBlanks(andLines: true)
    }
    return object
  }

  /// OpenBao takes a leading zero for octal and HCL 2 does not, so there is none; OpenBao's integers have 64 bits.
  private mutating func number() throws -> HCLValue {
    let start = cursor.offset
    var text = cursor.take("-") ? "-" : ""
    let whole = try digits()
    guard whole.count == 1 || !whole.hasPrefix("0") else {
      throw cursor.fault(
        at: start, "found a number that starts with 0, expected a decimal number", remedy: "remove the leading zero")
    }
    text += whole
    var isWhole = true
    if cursor.take(".") {
      text += "." + (try digits())
      isWhole = false
    }
    if cursor.take("e") || cursor.take("E") {
      let sign = cursor.take("-") ? "-" : cursor.take("+") ? "+" : ""
      text += "e" + sign + (try digits())
      isWhole = false
    }
    guard cursor.next?.continuesName != true, cursor.next != "." else {
      throw cursor.unexpected(expected: "the end of the number", remedy: "write a decimal number, or text in quotes")
    }
    if isWhole, let int = Int(text) { return .int(int) }
    if !isWhole, let double = Double(text), double.isFinite { return .double(double) }
    throw cursor.fault(
      at: start, "found a number that does not fit 64 bits, expected a smaller one", remedy: "put it in quotes")
  }

  private mutating func digits() throws -> String {
    let digits = cursor.take { $0.isDigit }
    guard !digits.isEmpty else {
      throw cursor.unexpected(expected: "a digit", remedy: "write a decimal number such as -1, 0.5 or 2e3")
    }
    return digits.text
  }
}
