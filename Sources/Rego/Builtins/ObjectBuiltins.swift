extension Builtins {
  static let objects: [Builtin] = [
    Builtin("object.get", 3) { arguments, _ in
      guard let object = arguments[0].object else { return nil }
      guard let path = arguments[1].items else { return object[arguments[1]] ?? arguments[2] }
      var found = arguments[0]
      for key in path {
        guard let next = found.member(at: key) else { return arguments[2] }
        found = next
      }
      return found
    },
    Builtin("object.keys", 1) { arguments, context in
      guard let object = arguments[0].object else { return nil }
      try context.spend(object.count)
      return .set(SetValue(object.keys))
    },
    Builtin("object.remove", 2) { arguments, context in
      guard let object = arguments[0].object, let keys = keys(arguments[1]) else { return nil }
      try context.spend(object.count + keys.count)
      return .object(object.filtered { !keys.contains($0.key) })
    },
    Builtin("object.filter", 2) { arguments, context in
      guard let object = arguments[0].object, let keys = keys(arguments[1]) else { return nil }
      try context.spend(object.count + keys.count)
      return .object(object.filtered { keys.contains($0.key) })
    },
    Builtin("object.union", 2) { arguments, context in
      guard let left = arguments[0].object, let right = arguments[1].object else { return nil }
      return .object(try union([left, right], context))
    },
    Builtin("object.union_n", 1) { arguments, context in
      guard let items = arguments[0].items else { return nil }
      let objects = items.compactMap(\.object)
      guard objects.count == items.count else { return nil }
      return .object(try union(objects, context))
    },
    Builtin("object.subset", 2) { arguments, context in
      switch (arguments[0], arguments[1]) {
      case (.object(let all), .object(let some)): return .truth(try isSubset(some, of: all, context))
      case (.set(let all), .set(let some)):
        try context.spend(some.count)
        return .truth(some.members.allSatisfy(all.contains))
      case (.array(let all), .array(let some)): return .truth(try isRun(some.items, of: all.items, context))
      case (.array(let all), .set(let some)):
        try context.spend(all.count)
        return .truth(isCovered(some, by: all.items))
      default: return nil
      }
    },
  ]

  /// The keys that an argument gives: those of an object, or what is in an array or a set.
  private static func keys(_ value: Value) -> SetValue? {
    switch value {
    case .object(let object): SetValue(object.keys)
    case .array(let array): SetValue(array.items)
    case .set(let set): set
    default: nil
    }
  }

  /// Objects at the same key become one; of other values the last counts.
  private static func union(_ objects: [ObjectValue], _ context: BuiltinContext) throws -> ObjectValue {
    if objects.count == 1, let only = objects.first { return only }
    try context.spend(sorting: objects.flatMap(\.keys))
    let entries = objects.flatMap(\.entries).enumerated().map { (place: $0.offset, entry: $0.element) }
    let sorted = entries.sorted { left, right in
      let order = Value.order(left.entry.key, right.entry.key)
      return order != 0 ? order < 0 : left.place < right.place
    }
    var result: [(Value, Value)] = []
    var index = 0
    while index < sorted.count {
      let key = sorted[index].entry.key
      let end = sorted[index...].firstIndex { $0.entry.key != key } ?? sorted.count
      let values = sorted[index..<end].map(\.entry.value)
      let last = values.reversed().prefix { $0.object != nil }.compactMap(\.object).reversed()
      result.append((key, last.isEmpty ? values[values.count - 1] : .object(try union(Array(last), context))))
      index = end
    }
    return ObjectValue(result)
  }

  private static func isSubset(
    _ some: ObjectValue, of all: ObjectValue, _ context: BuiltinContext
  ) throws -> Bool {
    try context.spend(some.count)
    for entry in some.entries {
      guard let other = all[entry.key] else { return false }
      if entry.value == other { continue }
      switch (other, entry.value) {
      case (.object(let all), .object(let some)):
        guard try isSubset(some, of: all, context) else { return false }
      case (.set(let all), .set(let some)):
        guard some.members.allSatisfy(all.contains) else { return false }
      case (.array(let all), .array(let some)):
        guard try isRun(some.items, of: all.items, context) else { return false }
      default: return false
      }
    }
    return true
  }

  /// Whether an array has the items of another, one after the other.
  private static func isRun(_ some: [Value], of all: [Value], _ context: BuiltinContext) throws -> Bool {
    guard some.count <= all.count else { return false }
    for start in 0...(all.count - some.count) {
      var length = 0
      while length < some.count, all[start + length] == some[length] { length += 1 }
      try context.spend(length + 1)
      if length == some.count { return true }
    }
    return false
  }

  /// As OPA counts: an item that is twice in the array counts twice, and nothing is never covered by nothing.
  private static func isCovered(_ some: SetValue, by all: [Value]) -> Bool {
    var missing = some.count
    for item in all {
      if some.contains(item) { missing -= 1 }
      if missing == 0 { return true }
    }
    return false
  }
}

extension ObjectValue {
  func filtered(_ isKept: (Entry) throws -> Bool) rethrows -> ObjectValue {
    ObjectValue(try entries.filter(isKept).map { ($0.key, $0.value) })
  }
}
