extension Value {
  var isCollection: Bool {
    switch self {
    case .array, .object, .set: true
    default: false
    }
  }

  /// What a reference with this key leads to; `nil` when there is nothing.
  subscript(below key: Value) -> Value? {
    switch self {
    case .object(let object): return object[key]
    case .array(let items):
      guard case .number(let number) = key, let index = number.int, items.indices.contains(index) else { return nil }
      return items[index]
    case .set(let set): return set.contains(key) ? key : nil
    default: return nil
    }
  }

  /// What it costs to look for it as a key, at each step of the search.
  var keyCost: Int {
    switch self {
    case .null, .bool, .number: 0
    case .string(let text): text.utf8.count / 64
    case .array, .object, .set: extent.count
    }
  }

  /// - Parameter body: given each key and what it leads to; `false` ends it.
  /// - Returns: whether it was never ended.
  func each(_ context: BuiltinContext, _ body: (Value, Value) throws -> Bool) throws -> Bool {
    switch self {
    case .array(let array):
      for (index, item) in array.items.enumerated() {
        try context.spend(1)
        guard try body(.int(index), item) else { return false }
      }
    case .object(let object):
      for entry in object.entries {
        try context.spend(1)
        guard try body(entry.key, entry.value) else { return false }
      }
    case .set(let set):
      for member in set.members {
        try context.spend(1)
        guard try body(member, member) else { return false }
      }
    default: break
    }
    return true
  }
}
