/// A change of a document (RFC 6902).
enum Patch {
  static func apply(_ operation: ObjectValue, to document: Value, _ context: BuiltinContext) throws -> Value? {
    guard let name = operation["op"]?.text, let path = operation["path"].flatMap(DocumentPath.parse) else { return nil }
    let value = operation["value"]
    let source = operation["from"].flatMap(DocumentPath.parse)
    switch name {
    case "add":
      guard let value else { return nil }
      return try edit(document, path[...], .add(value), context)
    case "remove": return try edit(document, path[...], .remove, context)
    case "replace":
      guard let value else { return nil }
      return try edit(document, path[...], .replace(value), context)
    case "move":
      guard let source, let moved = find(document, source),
        let rest = try edit(document, source[...], .remove, context)
      else { return nil }
      return try edit(rest, path[...], .add(moved), context)
    case "copy":
      guard let source, let copied = find(document, source) else { return nil }
      return try edit(document, path[...], .add(copied), context)
    case "test":
      guard let value, let found = find(document, path), found == value else { return nil }
      return document
    default: return nil
    }
  }

  private enum Edit {
    case add(Value)
    case remove
    case replace(Value)
  }

  private static func find(_ document: Value, _ path: [Value]) -> Value? {
    var found = document
    for key in path {
      guard let next = member(of: found, key) else { return nil }
      found = next
    }
    return found
  }

  private static func member(of value: Value, _ key: Value) -> Value? {
    guard case .array(let items) = value else { return value.member(at: key) }
    return index(key, below: items.count).map { items[$0] }
  }

  /// An index that a path names; where one may be added, "-" is the one after the last.
  private static func index(_ key: Value, below end: Int, isNew: Bool = false) -> Int? {
    let index: Int?
    switch key {
    case .number(let number): index = number.int
    case .string("-"): index = isNew ? end - 1 : nil
    case .string(let text):
      let isPlain = text.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } && (text.utf8.first != 0x30 || text == "0")
      index = isPlain ? Int(text) : nil
    default: index = nil
    }
    guard let index, index >= 0, index < end else { return nil }
    return index
  }

  private static func edit(
    _ document: Value, _ path: ArraySlice<Value>, _ edit: Edit, _ context: BuiltinContext
  ) throws -> Value? {
    guard let key = path.first else {
      switch edit {
      case .add(let value), .replace(let value): return value
      case .remove: return nil
      }
    }
    if path.count > 1 {
      guard let inner = member(of: document, key),
        let changed = try Self.edit(inner, path.dropFirst(), edit, context)
      else { return nil }
      return try put(changed, in: document, at: key, context)
    }
    switch edit {
    case .add(let value): return try add(value, to: document, at: key, context)
    case .remove: return try remove(from: document, key, context)
    case .replace(let value):
      guard let rest = try remove(from: document, key, context) else { return nil }
      return try add(value, to: rest, at: key, context)
    }
  }

  private static func put(
    _ value: Value, in document: Value, at key: Value, _ context: BuiltinContext
  ) throws -> Value? {
    switch document {
    case .object(var object):
      try context.spend(object.count)
      object[key] = value
      return .object(object)
    case .array(let array):
      var items = array.items
      guard let index = index(key, below: items.count) else { return nil }
      try context.spend(items.count)
      items[index] = value
      return .array(items)
    case .set(let set):
      try context.spend(set.count)
      return .set(SetValue(set.members.filter { $0 != key } + [value]))
    default: return nil
    }
  }

  private static func add(
    _ value: Value, to document: Value, at key: Value, _ context: BuiltinContext
  ) throws -> Value? {
    switch document {
    case .object: return try put(value, in: document, at: key, context)
    case .array(let array):
      var items = array.items
      guard let index = index(key, below: items.count + 1, isNew: true) else { return nil }
      try context.spend(items.count)
      items.insert(value, at: index)
      return .array(items)
    case .set(let set):
      guard key == value else { return nil }
      try context.spend(set.count)
      return .set(SetValue(set.members + [value]))
    default: return nil
    }
  }

  private static func remove(from document: Value, _ key: Value, _ context: BuiltinContext) throws -> Value? {
    switch document {
    case .object(var object):
      guard object[key] != nil else { return nil }
      try context.spend(object.count)
      object[key] = nil
      return .object(object)
    case .array(let array):
      var items = array.items
      guard let index = index(key, below: items.count) else { return nil }
      try context.spend(items.count)
      items.remove(at: index)
      return .array(items)
    case .set(let set):
      guard set.contains(key) else { return nil }
      try context.spend(set.count)
      return .set(SetValue(set.members.filter { $0 != key }))
    default: return nil
    }
  }
}
