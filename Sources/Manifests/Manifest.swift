import Faults
import Yams

/// A parsed YAML or JSON document whose every value knows its line and field path.
///
/// Text comes from people and programs that nobody trusts, so it is bounded: 1 MiB, 64 levels, 50,000 values, and no
/// alias of an anchor, because some hundred of them are a document of any size ("billion laughs").
package struct Manifest: Sendable {
  package enum Value: Sendable {
    case null
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case list([Manifest])
    case map([(key: String, value: Manifest)])
  }

  package static let longestText = 1 << 20
  private static let deepest = 64

  /// How large a text may be.
  package struct Limits: Sendable {
    package let bytes: Int
    package let values: Int

    /// Of what configures the platform.
    package static let configuration = Limits(bytes: longestText, values: 50_000)
    /// Of objects that are handed through.
    package static let objects = Limits(bytes: 4 << 20, values: 500_000)
  }

  package let value: Value
  package let place: Place

  /// Where a value stands, for errors: `agent.yaml:7 spec.tier`.
  package struct Place: Hashable, Sendable, CustomStringConvertible {
    package var source: String
    package var line: Int?
    package var path: String

    package var description: String {
      let file = line.map { "\(source):\($0)" } ?? source
      return path.isEmpty ? file : "\(file) \(path)"
    }
  }

  /// Parses the documents of a YAML stream, leaving out empty ones.
  ///
  /// - Parameter source: The file's name, or what the reader calls the text.
  /// - Throws: `Fault(.invalid)` naming source, line and reason.
  package static func parse(
    _ text: String, source: String, limits: Limits = .configuration
  ) throws -> [Manifest] {
    guard text.utf8.count <= limits.bytes else {
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it has \(text.utf8.count) bytes, more than \(limits.bytes)",
        remedy: "shorten it")
    }
    try checkDepth(of: text, source: source)
    try checkAliases(in: text, source: source)
    var budget = Budget(left: limits.values, most: limits.values)
    do {
      var nodes = try Yams.compose_all(yaml: text, Resolver.default)
      var documents: [Node] = []
      while let node = nodes.next() { documents.append(node) }
      // The sequence ends at an error and keeps it.
      if let error = nodes.error { throw error }
      return try documents.compactMap { node in
        let manifest = try Manifest(node, source: source, path: "", depth: 0, budget: &budget)
        if case .null = manifest.value { return nil }
        return manifest
      }
    } catch let error as YamlError {
      throw syntaxFault(error, source: source)
    }
  }

  /// Parses a text that must hold exactly one document.
  package static func parseOne(_ text: String, source: String) throws -> Manifest {
    let documents = try parse(text, source: source)
    guard let first = documents.first, documents.count == 1 else {
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it holds \(documents.count) documents, not one",
        remedy: "give one document")
    }
    return first
  }

  private struct Budget {
    var left: Int
    let most: Int
  }

  private init(_ node: Node, source: String, path: String, depth: Int, budget: inout Budget) throws {
    place = Place(source: source, line: node.mark?.line, path: path)
    budget.left -= 1
    guard budget.left >= 0, depth <= Self.deepest else {
      let limit = budget.left < 0 ? "\(budget.most) values" : "\(Self.deepest) levels"
      throw Fault(.invalid, operation: "read \(place)", reason: "more than \(limit)", remedy: "simplify the document")
    }
    switch node {
    case .scalar(let scalar):
      value = Self.resolve(node, scalar)
    case .sequence(let sequence):
      var items: [Manifest] = []
      for (index, item) in sequence.enumerated() {
        let itemPath = "\(path)[\(index)]"
        items.append(try Manifest(item, source: source, path: itemPath, depth: depth + 1, budget: &budget))
      }
      value = .list(items)
    case .mapping(let mapping):
      var entries: [(key: String, value: Manifest)] = []
      for (keyNode, valueNode) in mapping {
        guard let key = keyNode.string else {
          throw Fault(
            .invalid, operation: "read \(place)", reason: "a key is not text", remedy: "use plain text as key")
        }
        let keyPath = path.isEmpty ? key : "\(path).\(key)"
        entries.append(
          (key, try Manifest(valueNode, source: source, path: keyPath, depth: depth + 1, budget: &budget)))
      }
      value = .map(entries)
    case .alias:
      throw Fault(
        .invalid, operation: "read \(place)", reason: "an alias without its anchor", remedy: "write the value out")
    }
  }

  private static func resolve(_ node: Node, _ scalar: Node.Scalar) -> Value {
    switch Tag.Name(rawValue: node.tag.rawValue) {
    case .null: return .null
    case .bool: return node.bool.map(Value.bool) ?? .string(scalar.string)
    case .int: return node.int.map(Value.int) ?? .string(scalar.string)
    case .float: return node.float.map(Value.double) ?? .string(scalar.string)
    default: return .string(scalar.string)
    }
  }

  /// Refuses nesting that would exhaust the stack of the recursive parser, before it runs: brackets by count, block
  /// nesting by indentation.
  static func checkDepth(of text: String, source: String) throws {
    var open = 0
    var line = 1
    var deepestIndent = 0
    var indent = 0
    var atStart = true
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\n"):
        line += 1
        indent = 0
        atStart = true
        continue
      case UInt8(ascii: " ") where atStart, UInt8(ascii: "-") where atStart:
        indent += 1
        deepestIndent = max(deepestIndent, indent)
      case UInt8(ascii: "["), UInt8(ascii: "{"):
        open += 1
        atStart = false
      case UInt8(ascii: "]"), UInt8(ascii: "}"):
        open = max(0, open - 1)
        atStart = false
      default:
        atStart = false
      }
      guard open <= 4 * deepest, deepestIndent <= 64 * deepest else {
        throw Fault(
          .invalid, operation: "read \(source):\(line)", reason: "nested too deeply", remedy: "simplify the document")
      }
    }
  }

  /// Before the parser runs, which expands aliases in keys by itself.
  ///
  /// A word after `&` or `*` may stand in quotes or in a block of text; only where both have the same word is there an
  /// alias.
  ///
  /// - Parameter keysOnly: lets them stand for values, where the parser expands nothing.
  static func checkAliases(in text: String, source: String, keysOnly: Bool = false) throws {
    var anchors: Set<String> = []
    var aliases: [(name: String, line: Int)] = []
    var line = 1
    var mark: UInt8?
    var word: [UInt8] = []
    // The last byte that is no blank, and that before the mark: a key has a question mark before it or a colon behind.
    var last: UInt8 = 0
    var beforeMark: UInt8 = 0
    var possibleKey: (name: String, line: Int)?
    for byte in text.utf8 + [UInt8(ascii: "\n")] {
      defer { if byte != UInt8(ascii: " "), byte != UInt8(ascii: "\t") { last = byte } }
      if let alias = possibleKey, byte != UInt8(ascii: " ") {
        if byte == UInt8(ascii: ":") { aliases.append(alias) }
        possibleKey = nil
      }
      if let kind = mark {
        // What ends a name in YAML 1.2.2 §6.9.2, and what libyaml takes for its end.
        if !" \t\r\n,[]{}:".utf8.contains(byte), word.count < 256 {
          word.append(byte)
          continue
        }
        let name = String(decoding: word, as: UTF8.self)
        if kind == UInt8(ascii: "&") {
          anchors.insert(name)
        } else if !keysOnly || byte == UInt8(ascii: ":") || beforeMark == UInt8(ascii: "?") {
          aliases.append((name, line))
        } else if byte == UInt8(ascii: " ") {
          possibleKey = (name, line)
        }
        (mark, word) = (nil, [])
      }
      if byte == UInt8(ascii: "\n") { line += 1 }
      if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "*") { (mark, beforeMark) = (byte, last) }
    }
    guard let alias = aliases.first(where: { !$0.name.isEmpty && anchors.contains($0.name) }) else { return }
    throw Fault(
      .invalid, operation: "read \(source):\(alias.line)", reason: "'*\(alias.name)' is an alias of an anchor",
      remedy: "write the value out, or rename one of '&\(alias.name)' and '*\(alias.name)' if they are only text")
  }

  static func syntaxFault(_ error: YamlError, source: String) -> Fault {
    var place = source
    var reason = "\(error)"
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      place = "\(source):\(mark.line)"
      reason = "\(problem) at column \(mark.column)"
    case .duplicatedKeysInMapping(let duplicates, let context):
      place = "\(source):\(context.mark.line)"
      reason = "the key '\(duplicates.map { "\($0)" }.first ?? "")' is given twice"
    default:
      break
    }
    return Fault(.invalid, operation: "read \(place)", reason: reason, remedy: "correct the YAML")
  }
}
