import BigInt

/// Writes what a format says (pkg.go.dev/fmt), as `sprintf` does.
struct Printer {
  /// What may be printed: all but numbers and strings are their texts.
  enum Argument {
    case int(Int)
    case big(BigInt)
    case real(Double)
    case text(String)
  }

  /// What stands between "%" and the verb.
  struct Flags {
    var plus = false
    var minus = false
    var sharp = false
    var space = false
    var zero = false
    /// "#" before "v".
    var isSource = false
    var width: Int?
    var precision: Int?
  }

  private let format: [UInt8]
  let arguments: [Argument]
  let context: BuiltinContext
  var output: [UInt8] = []
  var flags = Flags()

  private var index = 0
  private var next = 0
  private var isReordered = false
  private var isIndexGood = true

  init(_ format: String, _ arguments: [Argument], _ context: BuiltinContext) {
    self.format = format.bytes
    self.arguments = arguments
    self.context = context
  }

  mutating func print() throws {
    while index < format.count {
      let start = index
      while index < format.count, format[index] != UInt8(ascii: "%") { index += 1 }
      try append(Array(format[start..<index]))
      guard index < format.count else { break }
      index += 1
      try directive()
    }
    guard !isReordered, next < arguments.count else { return }
    flags = Flags()
    try append("%!(EXTRA ")
    for (place, argument) in arguments[next...].enumerated() {
      if place > 0 { try append(", ") }
      try append(argument.type + "=")
      try print(argument, "v")
    }
    try append(")")
  }

  /// Everything after one "%".
  private mutating func directive() throws {
    flags = Flags()
    isIndexGood = true
    readFlags()
    var isAfterIndex = readIndex()
    if peek == UInt8(ascii: "*") {
      index += 1
      let width = takeNumber()
      if width == nil { try append("%!(BADWIDTH)") }
      flags.width = width.map { abs($0) }
      if let width, width < 0 {
        flags.minus = true
        flags.zero = false
      }
      isAfterIndex = false
    } else {
      flags.width = readNumber()
      if isAfterIndex, flags.width != nil { isIndexGood = false }
    }
    if peek == UInt8(ascii: ".") {
      index += 1
      if isAfterIndex { isIndexGood = false }
      isAfterIndex = readIndex()
      if peek == UInt8(ascii: "*") {
        index += 1
        let precision = takeNumber()
        flags.precision = precision.flatMap { $0 < 0 ? nil : $0 }
        if flags.precision == nil { try append("%!(BADPREC)") }
        isAfterIndex = false
      } else {
        flags.precision = readNumber() ?? 0
      }
    }
    if !isAfterIndex { _ = readIndex() }
    guard index < format.count else {
      try append("%!(NOVERB)")
      return
    }
    let (scalar, length) = String.scalar(format, at: index)
    let verb = scalar ?? "\u{FFFD}"
    index += length
    if verb == "%" {
      try append("%")
    } else if !isIndexGood {
      try append("%!\(verb)(BADINDEX)")
    } else if next >= arguments.count {
      try append("%!\(verb)(MISSING)")
    } else {
      if verb == "v" {
        flags.isSource = flags.sharp
        flags.sharp = false
        if case .big = arguments[next] {} else { flags.plus = false }
      }
      next += 1
      try print(arguments[next - 1], verb)
    }
  }

  private var peek: UInt8? { index < format.count ? format[index] : nil }

  private mutating func readFlags() {
    while let flag = peek {
      switch flag {
      case UInt8(ascii: "#"): flags.sharp = true
      case UInt8(ascii: "0"): flags.zero = true
      case UInt8(ascii: "+"): flags.plus = true
      case UInt8(ascii: "-"): flags.minus = true
      case UInt8(ascii: " "): flags.space = true
      default: return
      }
      index += 1
    }
  }

  /// A number of up to a million; `nil`, and at the end, when it is larger.
  private mutating func readNumber() -> Int? {
    var number: Int?
    while let digit = peek, digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") {
      let value = (number ?? 0) * 10 + Int(digit - UInt8(ascii: "0"))
      guard value <= 10_000_000 else {
        index = format.count
        return nil
      }
      number = value
      index += 1
    }
    return number
  }

  /// Which argument comes next, as "[2]" says it.
  private mutating func readIndex() -> Bool {
    guard peek == UInt8(ascii: "[") else { return false }
    isReordered = true
    guard let end = format[index...].firstIndex(of: UInt8(ascii: "]")) else {
      isIndexGood = false
      index += 1
      return false
    }
    let number = Int(String(decoding: format[(index + 1)..<end], as: UTF8.self))
    index = end + 1
    guard let number, number.magnitude <= 1_000_000 else {
      isIndexGood = false
      return false
    }
    guard number >= 1, number <= arguments.count else {
      isIndexGood = false
      return true
    }
    next = number - 1
    return true
  }

  /// The next argument, for "*".
  private mutating func takeNumber() -> Int? {
    guard next < arguments.count else { return nil }
    next += 1
    guard case .int(let number) = arguments[next - 1], number.magnitude <= 1_000_000 else { return nil }
    return number
  }

  mutating func append(_ text: String) throws { try append(text.bytes) }

  mutating func append(_ bytes: [UInt8]) throws {
    guard output.count + bytes.count <= BuiltinContext.longestText else { throw BudgetExceeded() }
    try context.spend(bytes: bytes.count)
    output += bytes
  }

  /// In as many characters as the width says, at least.
  mutating func pad(_ text: String, isZeroAllowed: Bool = true) throws {
    let missing = max((flags.width ?? 0) - text.unicodeScalars.count, 0)
    guard missing > 0 else { return try append(text) }
    try context.spend(bytes: missing)
    if flags.minus {
      try append(text + String(repeating: " ", count: missing))
    } else {
      try append(String(repeating: flags.zero && isZeroAllowed ? "0" : " ", count: missing) + text)
    }
  }
}

extension Printer.Argument {
  init(_ value: Value) {
    switch value {
    case .string(let text): self = .text(text)
    case .number(let number):
      if let int = number.plainInt {
        self = .int(int)
      } else if case .big(let big) = number {
        self = .big(big)
      } else if number.text.utf8.contains(UInt8(ascii: ".")), let real = Double(number.text), real.isFinite {
        self = .real(real)
      } else {
        // One with an exponent and no point, which OPA takes for a text.
        self = .text(number.text)
      }
    default: self = .text(value.description)
    }
  }

  /// The name of its type in Go.
  var type: String {
    switch self {
    case .int: "int64"
    case .big: "*big.Int"
    case .real: "float64"
    case .text: "string"
    }
  }
}
