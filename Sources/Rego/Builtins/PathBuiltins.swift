extension Builtins {
  /// Functions of parts of documents that paths name.
  static let paths: [Builtin] = [
    Builtin("json.filter", 2) { arguments, context in
      guard arguments[0].object != nil, let paths = PathTree(arguments[1]) else { return nil }
      return try paths.filtered(arguments[0], context)
    },
    Builtin("json.remove", 2) { arguments, context in
      guard arguments[0].object != nil, let paths = PathTree(arguments[1]) else { return nil }
      return try paths.removed(arguments[0], context)
    },
    Builtin("json.patch", 2) { arguments, context in
      guard let operations = arguments[1].items else { return nil }
      var document = arguments[0]
      for operation in operations {
        guard let operation = operation.object,
          let next = try Patch.apply(operation, to: document, context)
        else { return nil }
        document = try next.bounded()
      }
      return document
    },
  ]
}

/// A path into a document, of keys and indexes.
enum DocumentPath {
  /// Of a JSON pointer, where the first "/" may be missing, or an array of keys; `nil` of anything else.
  static func parse(_ value: Value) -> [Value]? {
    switch value {
    case .array(let array): return array.items
    case .string(let text):
      if text.isEmpty { return [] }
      let slash = UInt8(ascii: "/")
      return text.bytes.drop { $0 == slash }.split(separator: slash, omittingEmptySubsequences: false)
        .map { .string(unescaped(Array($0))) }
    default: return nil
    }
  }

  private static func unescaped(_ bytes: [UInt8]) -> String {
    guard bytes.contains(UInt8(ascii: "~")) else { return String(decoding: bytes, as: UTF8.self) }
    let slashes = Replacer.replace(bytes, old: Array("~1".utf8), new: Array("/".utf8))
    return String(decoding: Replacer.replace(slashes, old: Array("~0".utf8), new: Array("~".utf8)), as: UTF8.self)
  }
}

/// Several paths, by what they begin with.
final class PathTree {
  private var trees: [PathTree] = []
  /// Where in them the one of a key is.
  private var places = ObjectValue()
  /// All of what is here.
  private var isWhole = false

  private init() {}

  /// - Parameter value: an array or a set of paths.
  init?(_ value: Value) {
    guard let members = value.members else { return nil }
    for member in members {
      guard let path = DocumentPath.parse(member) else { return nil }
      var node = self
      for key in path where !node.isWhole {
        if let child = node.child(key) {
          node = child
          continue
        }
        let child = PathTree()
        node.places[key] = .int(node.trees.count)
        node.trees.append(child)
        node = child
      }
      if !path.isEmpty {
        node.isWhole = true
        node.trees = []
        node.places = ObjectValue()
      }
    }
  }

  private func child(_ key: Value) -> PathTree? { places[key]?.number?.int.map { trees[$0] } }

  /// What the paths lead to.
  func filtered(_ value: Value, _ context: BuiltinContext) throws -> Value {
    if isWhole { return value }
    switch value {
    case .object(let object):
      try context.spend(object.count)
      return .object(
        ObjectValue(
          try object.entries.compactMap { entry in
            try child(entry.key).map { (entry.key, try $0.filtered(entry.value, context)) }
          }))
    case .set(let set):
      try context.spend(set.count)
      return .set(
        SetValue(try set.members.compactMap { member in try child(member)?.filtered(member, context) }))
    case .array(let items):
      try context.spend(items.count)
      return .array(
        try items.enumerated().compactMap { index, item in
          try child(.string("\(index)"))?.filtered(item, context)
        })
    default: return value
    }
  }

  /// What is left without what the paths lead to; `nil` when that is nothing.
  func removed(_ value: Value, _ context: BuiltinContext) throws -> Value? {
    if isWhole { return nil }
    switch value {
    case .object(let object):
      try context.spend(object.count)
      return .object(
        ObjectValue(
          try object.entries.compactMap { entry in
            guard let child = self.child(entry.key) else { return (entry.key, entry.value) }
            return try child.removed(entry.value, context).map { (entry.key, $0) }
          }))
    case .set(let set):
      try context.spend(set.count)
      return .set(
        SetValue(
          try set.members.compactMap { member in
            guard let child = self.child(member) else { return member }
            return try child.removed(member, context)
          }))
    case .array(let items):
      try context.spend(items.count)
      return .array(
        try items.enumerated().compactMap { index, item in
          guard let child = self.child(.string("\(index)")) else { return item }
          return try child.removed(item, context)
        })
    default: return value
    }
  }
}
