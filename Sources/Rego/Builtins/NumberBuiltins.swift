import BigInt

extension Builtins {
  static let comparison: [Builtin] = [
    comparison("equal") { $0 == 0 },
    comparison("neq") { $0 != 0 },
    comparison("lt") { $0 < 0 },
    comparison("lte") { $0 <= 0 },
    comparison("gt") { $0 > 0 },
    comparison("gte") { $0 >= 0 },
  ]

  private static func comparison(_ name: String, _ holds: @escaping @Sendable (Int) -> Bool) -> Builtin {
    Builtin(name, 2) { arguments, context in
      try context.spend(comparing: arguments[0], arguments[1])
      return .truth(holds(Value.order(arguments[0], arguments[1])))
    }
  }

  static let arithmetic: [Builtin] = [
    Builtin("plus", 2) { arguments, context in
      guard let left = arguments[0].number, let right = arguments[1].number else { return nil }
      return try Arithmetic.sum(left, right, context).map(Value.number)
    },
    Builtin("minus", 2) { arguments, context in
      if let left = arguments[0].set, let right = arguments[1].set {
        try context.spend(left.count)
        return .set(left.subtracting(right))
      }
      guard let left = arguments[0].number, let right = arguments[1].number else { return nil }
      return try Arithmetic.difference(left, right, context).map(Value.number)
    },
    Builtin("mul", 2) { arguments, context in
      guard let left = arguments[0].number, let right = arguments[1].number else { return nil }
      return try Arithmetic.product(left, right, context).map(Value.number)
    },
    Builtin("div", 2) { arguments, _ in
      guard let left = arguments[0].number, let right = arguments[1].number, right.real != 0 else { return nil }
      return Number.computed(left.real / right.real).map(Value.number)
    },
    Builtin("rem", 2) { arguments, context in
      guard let left = arguments[0].number, let right = arguments[1].number else { return nil }
      if case .int(let left) = left, case .int(let right) = right, right != 0, right != -1 {
        return .int(left % right)
      }
      guard let left = left.whole, let right = right.whole, right != 0 else { return nil }
      try context.spend(left.bitWidth / 64)
      return .number(Number(left % right))
    },
  ]

  /// These go by 64 bits of precision, as OPA's do; and what they do just below 0 is also as there.
  static let rounding: [Builtin] = [
    rounding("abs") { Number.computed($0.magnitude) },
    rounding("round") { value in
      let moved = value.sign == .minus ? value - 0.5 : value + 0.5
      return BigInt(exactly: moved.rounded(.towardZero)).map { Number($0) }
    },
    rounding("ceil") { value in
      guard let whole = BigInt(exactly: value.rounded(.towardZero)) else { return nil }
      return Number(whole < 0 || value == value.rounded(.towardZero) ? whole : whole + 1)
    },
    rounding("floor") { value in
      guard let whole = BigInt(exactly: value.rounded(.towardZero)) else { return nil }
      return Number(whole >= 0 || value == value.rounded(.towardZero) ? whole : whole - 1)
    },
  ]

  private static func rounding(
    _ name: String, _ apply: @escaping @Sendable (Float80) -> Number?
  ) -> Builtin {
    Builtin(name, 1) { arguments, _ in
      guard let number = arguments[0].number else { return nil }
      if case .int(let value) = number, value.magnitude < 1 << 31 {
        return .int(name == "abs" ? abs(value) : value)
      }
      return apply(number.real).map(Value.number)
    }
  }

  static let bits: [Builtin] = [
    bits("bits.and") { left, right, _ in left & right },
    bits("bits.or") { left, right, _ in left | right },
    bits("bits.xor") { left, right, _ in left ^ right },
    Builtin("bits.negate", 1) { arguments, _ in
      arguments[0].number?.whole.map { .number(Number(~$0)) }
    },
    bits("bits.lsh") { left, right, context in
      guard right >= 0 else { return nil }
      guard let amount = Int(exactly: right), amount <= 1 << 16 else {
        if left == 0 { return left }
        throw BudgetExceeded()
      }
      try context.spend((amount + left.bitWidth) / 64)
      return left << amount
    },
    bits("bits.rsh") { left, right, _ in
      guard right >= 0 else { return nil }
      // Of a larger one, as many bits count as a machine word has.
      let amount = Int(exactly: UInt64(truncatingIfNeeded: right)) ?? Int.max
      if amount >= left.bitWidth { return left < 0 ? -1 : 0 }
      // Rounds down, also below 0.
      return left < 0 ? ~((~left) >> amount) : left >> amount
    },
  ]

  private static func bits(
    _ name: String, _ apply: @escaping @Sendable (BigInt, BigInt, BuiltinContext) throws -> BigInt?
  ) -> Builtin {
    Builtin(name, 2) { arguments, context in
      guard let left = arguments[0].number?.whole, let right = arguments[1].number?.whole else { return nil }
      return try apply(left, right, context).map { .number(Number($0)) }
    }
  }

  static let ranges: [Builtin] = [
    Builtin("numbers.range", 2) { arguments, context in
      try range(arguments[0], arguments[1], step: 1, context)
    },
    Builtin("numbers.range_step", 3) { arguments, context in
      guard let step = arguments[2].number?.whole else { return nil }
      return try range(arguments[0], arguments[1], step: step, context)
    },
  ]

  private static func range(_ from: Value, _ to: Value, step: BigInt, _ context: BuiltinContext) throws -> Value? {
    guard let from = from.number?.whole, let to = to.number?.whole, step > 0 else { return nil }
    let count = (to - from).magnitude / step.magnitude + 1
    guard let count = Int(exactly: count) else { throw BudgetExceeded() }
    try context.spend(count)
    let stride = to < from ? -step : step
    if let from = Int(exactly: from), Int(exactly: to) != nil, let stride = Int(exactly: stride) {
      // What is between may be too large for a word, but not what comes of it.
      return .array((0..<count).map { .int(from &+ $0 &* stride) })
    }
    var next = from
    var items: [Value] = []
    items.reserveCapacity(count)
    for _ in 0..<count {
      items.append(.number(Number(next)))
      next += stride
    }
    return .array(items)
  }
}
