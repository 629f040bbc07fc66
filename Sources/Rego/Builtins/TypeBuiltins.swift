extension Builtins {
  static let types: [Builtin] = [
    check("is_array", "array"),
    check("is_boolean", "boolean"),
    check("is_null", "null"),
    check("is_number", "number"),
    check("is_object", "object"),
    check("is_set", "set"),
    check("is_string", "string"),
    Builtin("type_name", 1) { arguments, _ in .string(arguments[0].typeName) },
    Builtin("to_number", 1) { arguments, _ in
      switch arguments[0] {
      case .null: return 0
      case .bool(let value): return .int(value ? 1 : 0)
      case .number: return arguments[0]
      case .string(let text): return number(text).map(Value.number)
      default: return nil
      }
    },
    cast("cast_array") { $0.members.map(Value.array) },
    cast("cast_set") { $0.members.map { .set(SetValue($0)) } },
    cast("cast_string") { $0.text.map(Value.string) },
    cast("cast_boolean") { $0.typeName == "boolean" ? $0 : nil },
    cast("cast_null") { $0.typeName == "null" ? $0 : nil },
    cast("cast_object") { $0.object.map(Value.object) },
  ]

  private static func check(_ name: String, _ type: String) -> Builtin {
    Builtin(name, 1) { arguments, _ in .truth(arguments[0].typeName == type) }
  }

  private static func cast(_ name: String, _ apply: @escaping @Sendable (Value) -> Value?) -> Builtin {
    Builtin(name, 1) { arguments, context in
      try context.spend(arguments[0].members?.count ?? 0)
      return apply(arguments[0])
    }
  }

  /// Also with a sign, without digits before or after the point; what is too large for 64 bits is none.
  private static func number(_ text: String) -> Number? {
    let isSigned = text.hasPrefix("+") || text.hasPrefix("-")
    let digits = isSigned ? text.dropFirst() : text[...]
    guard let first = digits.utf8.first, first == UInt8(ascii: ".") || (first >= 0x30 && first <= 0x39),
      let double = Double(text), double.isFinite
    else { return nil }
    if digits.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "x") }) {
      guard digits.utf8.contains(where: { $0 | 0x20 == UInt8(ascii: "p") }) else { return nil }
      return Float80(text).flatMap(Number.computed)
    }
    let plain = text.hasPrefix("+") ? String(digits) : text
    return Number(plain)
  }
}
