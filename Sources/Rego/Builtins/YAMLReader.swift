import Yams

/// Reads YAML as OPA does (sigs.k8s.io/yaml, which has the types of YAML 1.1): the first document, as the JSON that it
/// means.
///
/// Parsers differ about much of YAML, and what one takes for an error another reads. So everything is refused that is not
/// plain lists, maps and scalars, and so is what our parser does not read: an error is never a value that is not there.
enum YAMLReader {
  private static let longest = 1 << 20

  /// - Returns: `nil` for what cannot be written as JSON.
  /// - Throws: `EvaluationError.unsupported`, `BudgetExceeded`.
  static func value(_ text: String, _ context: BuiltinContext) throws -> Value? {
    guard text.utf8.count <= longest else { throw EvaluationError.unsupported("YAML of more than \(longest) bytes") }
    try context.spend(text.utf8.count)
    try YAMLFilter.check(text)
    let root: Yams.Node?
    do { root = try Yams.Parser(yaml: text, resolver: .basic).nextRoot() } catch {
      throw EvaluationError.unsupported("what is no YAML, or YAML with a key that stands twice,")
    }
    return try root.map(value) ?? .null
  }

  private static func value(_ node: Yams.Node) throws -> Value? {
    switch node {
    case .scalar(let scalar): return scalar.style == .plain ? try plain(scalar.string).value : .string(scalar.string)
    case .sequence(let sequence):
      var items: [Value] = []
      for node in sequence {
        guard let item = try value(node) else { return nil }
        items.append(item)
      }
      return .array(items)
    case .mapping(let mapping):
      var entries: [(Value, Value)] = []
      for (key, node) in mapping {
        guard let key = try self.key(key), let value = try value(node) else { return nil }
        entries.append((.string(key), value))
      }
      let object = ObjectValue(entries)
      // Such as 1 and "1", which are one key of JSON.
      guard object.count == entries.count else {
        throw EvaluationError.unsupported("YAML with a key that stands twice")
      }
      return .object(object)
    case .alias: throw EvaluationError.unsupported("YAML with aliases")
    }
  }

  /// The text of a key; `nil` for what can be none.
  private static func key(_ node: Yams.Node) throws -> String? {
    guard case .scalar(let scalar) = node else { throw EvaluationError.unsupported("YAML with lists or maps for keys") }
    guard scalar.style == .plain else { return scalar.string }
    guard scalar.string != "<<" else { throw EvaluationError.unsupported("YAML with merge keys") }
    switch try plain(scalar.string) {
    case .text(let text): return text
    case .int(let number): return "\(number)"
    case .bool(let isTrue): return isTrue ? "true" : "false"
    case .real, .notFinite: throw EvaluationError.unsupported("YAML with fractions for keys")
    case .null, .unsigned: return nil
    }
  }

  private static func plain(_ text: String) throws -> YAMLScalar {
    guard let scalar = YAMLScalar(text) else {
      throw EvaluationError.unsupported("the YAML scalar '\(text.prefix(40))'")
    }
    return scalar
  }
}
