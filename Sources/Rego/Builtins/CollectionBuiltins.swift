extension Builtins {
  static let aggregates: [Builtin] = [
    Builtin("count", 1) { arguments, _ in
      switch arguments[0] {
      case .array(let items): .int(items.count)
      case .set(let set): .int(set.count)
      case .object(let object): .int(object.count)
      case .string(let text): .int(text.unicodeScalars.count)
      default: nil
      }
    },
    Builtin("sum", 1) { arguments, context in
      try accumulate(arguments[0], from: 0, context, Arithmetic.sum) { numbers in
        Number.computed(numbers.reduce(Float80(0)) { $0 + $1.real })
      }
    },
    Builtin("product", 1) { arguments, context in
      // By 53 bits of precision, for once.
      try accumulate(arguments[0], from: 1, context, Arithmetic.product) { numbers in
        let product = numbers.reduce(Float80(1)) { ($0 * $1.real).roundedToDouble }
        let double = Double(product)
        return double.isFinite && (double != 0 || product == 0) ? Number.computed(double) : Number.computed(product)
      }
    },
    Builtin("max", 1) { arguments, context in
      guard let members = arguments[0].members, var greatest = members.first else { return nil }
      try context.spend(members.count)
      for member in members where Value.order(greatest, member) <= 0 { greatest = member }
      return greatest
    },
    Builtin("min", 1) { arguments, context in
      guard let members = arguments[0].members, var least = members.first else { return nil }
      try context.spend(members.count)
      for member in members where Value.order(least, member) >= 0 { least = member }
      return least
    },
    Builtin("sort", 1) { arguments, context in
      switch arguments[0] {
      case .array(let items):
        try context.spend(sorting: items.items)
        return .array(items.sorted())
      case .set(let set): return .array(set.members)
      default: return nil
      }
    },
    Builtin("any", 1) { arguments, _ in
      arguments[0].members.map { .truth($0.contains(true)) }
    },
    Builtin("all", 1) { arguments, _ in
      arguments[0].members.map { .truth($0.allSatisfy { $0 == true }) }
    },
    Builtin("internal.member_2", 2) { arguments, context in
      let value = arguments[0]
      switch arguments[1] {
      case .set(let set): return .truth(set.contains(value))
      case .array(let items):
        try context.spend(items.count)
        return .truth(items.contains(value))
      case .object(let object):
        try context.spend(object.count)
        return .truth(object.entries.contains { $0.value == value })
      default: return false
      }
    },
    Builtin("internal.member_3", 3) { arguments, _ in
      let (key, value) = (arguments[0], arguments[1])
      if case .set(let set) = arguments[2] { return .truth(key == value && set.contains(key)) }
      return .truth(arguments[2].member(at: key) == value)
    },
  ]

  /// - Parameter rough: what numbers come to when one of them is no integer.
  private static func accumulate(
    _ collection: Value, from start: Int, _ context: BuiltinContext,
    _ combine: (Number, Number, BuiltinContext) throws -> Number?, rough: ([Number]) -> Number?
  ) throws -> Value? {
    guard let members = collection.members else { return nil }
    try context.spend(members.count)
    let numbers = members.compactMap(\.number)
    guard numbers.count == members.count else { return nil }
    var result = Number.int(start)
    for number in numbers {
      if case .real = number, number.whole == nil { return rough(numbers).map(Value.number) }
      guard let next = try combine(result, number, context) else { return nil }
      result = next
    }
    return .number(result)
  }

  static let sets: [Builtin] = [
    Builtin("and", 2) { arguments, context in
      guard let left = arguments[0].set, let right = arguments[1].set else { return nil }
      try context.spend(left.count)
      return .set(left.intersection(right))
    },
    Builtin("or", 2) { arguments, context in
      guard let left = arguments[0].set, let right = arguments[1].set else { return nil }
      try context.spend(sorting: left.members + right.members)
      return .set(left.union(right))
    },
    Builtin("intersection", 1) { arguments, context in
      guard let members = arguments[0].set?.members else { return nil }
      let sets = members.compactMap(\.set)
      guard sets.count == members.count else { return nil }
      guard var result = sets.first else { return .set(SetValue()) }
      for set in sets.dropFirst() {
        try context.spend(result.count)
        result = result.intersection(set)
      }
      return .set(result)
    },
    Builtin("union", 1) { arguments, context in
      guard let members = arguments[0].set?.members else { return nil }
      let sets = members.compactMap(\.set)
      guard sets.count == members.count else { return nil }
      let all = sets.flatMap(\.members)
      try context.spend(sorting: all)
      return .set(SetValue(all))
    },
  ]

  static let arrays: [Builtin] = [
    Builtin("array.concat", 2) { arguments, context in
      guard let left = arguments[0].items, let right = arguments[1].items else { return nil }
      try context.spend(left.count + right.count)
      return .array(left + right)
    },
    Builtin("array.slice", 3) { arguments, context in
      guard let items = arguments[0].items, let from = arguments[1].number?.plainInt,
        let to = arguments[2].number?.plainInt
      else { return nil }
      let end = min(max(to, 0), items.count)
      let start = min(max(from, 0), end)
      try context.spend(end - start)
      return .array(Array(items[start..<end]))
    },
    Builtin("array.reverse", 1) { arguments, context in
      guard let items = arguments[0].items else { return nil }
      try context.spend(items.count)
      return .array(items.reversed())
    },
    Builtin("array.flatten", 1) { arguments, context in
      guard let items = arguments[0].items else { return nil }
      try context.spend(items.reduce(items.count) { $0 + ($1.items?.count ?? 0) })
      return .array(items.flatMap { $0.items ?? [$0] })
    },
  ]
}

extension Value {
  /// What is at a key of an object, an index of an array, or in a set.
  func member(at key: Value) -> Value? {
    switch self {
    case .object(let object): return object[key]
    case .set(let set): return set.contains(key) ? key : nil
    case .array(let items):
      guard let index = key.number?.plainInt, index >= 0, index < items.count else { return nil }
      return items[index]
    default: return nil
    }
  }
}
