import Yams

/// Reads YAML as OPA does (sigs.k8s.io/yaml, which has the types of YAML 1.1): the first document, as the JSON that it
/// means.
///
/// Anchors, tags, directives, merge keys and keys that stand twice are not read: nothing would be gained by guessing what
/// they mean to it.
enum YAMLReader {
  /// - Returns: `nil` for what is no YAML, or cannot be written as JSON.
  /// - Throws: `EvaluationError.unsupported`.
  static func value(_ text: String) throws -> Value? {
    try refuseUnread(text.bytes)
    let root: Yams.Node?
    do {
      root = try Yams.Parser(yaml: text, resolver: .basic).nextRoot()
    } catch YamlError.duplicatedKeysInMapping {
      throw EvaluationError.unsupported("YAML with a key that stands twice")
    } catch {
      guard !isFlow(text.bytes) else { throw EvaluationError.unsupported("YAML with something wrong after a [ or {") }
      return nil
    }
    return try root.map { try value($0) } ?? .null
  }

  private static func value(_ node: Yams.Node) throws -> Value? {
    switch node {
    case .scalar(let scalar): return scalar.style == .plain ? YAMLScalar(scalar.string).value : .string(scalar.string)
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
    switch YAMLScalar(scalar.string) {
    case .text(let text): return text
    case .int(let number): return "\(number)"
    case .bool(let isTrue): return isTrue ? "true" : "false"
    case .real, .notFinite: throw EvaluationError.unsupported("YAML with fractions for keys")
    case .null, .unsigned: return nil
    }
  }

  /// What has to be found before the parser runs, which puts in what aliases stand for, and forgets which tags it was
  /// given. Text in quotes that looks like one is refused, too.
  private static func refuseUnread(_ bytes: [UInt8]) throws {
    var before = UInt8(ascii: "\n")
    var isInside = false
    for (index, byte) in bytes.enumerated() {
      let isBegin = " \t\r\n,[]{}:-?".utf8.contains(before)
      switch byte {
      case UInt8(ascii: "!") where isBegin: throw EvaluationError.unsupported("YAML with tags")
      case UInt8(ascii: "*") where isBegin && isWord(bytes, index + 1),
        UInt8(ascii: "&") where isBegin && isWord(bytes, index + 1):
        throw EvaluationError.unsupported("YAML with anchors and aliases")
      case UInt8(ascii: "%") where before == UInt8(ascii: "\n") || before == UInt8(ascii: "\r"):
        throw EvaluationError.unsupported("YAML with directives")
      // Between brackets, parsers differ about these.
      case UInt8(ascii: "]") where before == UInt8(ascii: ":"), UInt8(ascii: "}") where before == UInt8(ascii: ":"),
        UInt8(ascii: ",") where before == UInt8(ascii: ":"):
        throw EvaluationError.unsupported("YAML with a : before a bracket or comma")
      case _ where before == UInt8(ascii: "?") && isInside && " \t\r\n,[]{}".utf8.contains(byte):
        throw EvaluationError.unsupported("YAML with a ? within brackets")
      case UInt8(ascii: "["), UInt8(ascii: "{"): isInside = true
      default: break
      }
      before = byte
    }
  }

  /// Whether the document is a list or a map with brackets: OPA's parser does not look at what follows it.
  private static func isFlow(_ bytes: [UInt8]) -> Bool {
    let first = bytes.first { !" \t\r\n-".utf8.contains($0) }
    return first == UInt8(ascii: "[") || first == UInt8(ascii: "{")
  }

  private static func isWord(_ bytes: [UInt8], _ index: Int) -> Bool {
    guard index < bytes.count else { return false }
    let byte = bytes[index]
    return (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: "-")
  }
}
