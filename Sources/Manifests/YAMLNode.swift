import Faults
import Yams

/// A YAML document as written: scalars as text, and of every node where it begins.
///
/// For formats that decide themselves what a scalar is. Bounded as `Manifest` is in depth, and by the caller in length;
/// aliases may stand for values, not for keys.
package struct YAMLNode: Sendable {
  package enum Content: Sendable {
    /// Nothing, `~` or `null`, without quotes.
    case null
    case scalar(String)
    case sequence([YAMLNode])
    case mapping([(key: YAMLNode, value: YAMLNode)])
  }

  /// A place in the text, all counted from 0.
  package struct Mark: Hashable, Sendable {
    /// Bytes before it.
    package var offset: Int
    package var line: Int
    /// Bytes into the line.
    package var column: Int

    package init(offset: Int = 0, line: Int = 0, column: Int = 0) {
      (self.offset, self.line, self.column) = (offset, line, column)
    }
  }

  package let content: Content
  package let mark: Mark

  /// The documents of a YAML stream.
  ///
  /// - Parameters:
  ///   - source: The file's name, for errors.
  ///   - longest: The most bytes that `text` may have.
  /// - Throws: `Fault(.invalid)` naming source, line and reason.
  package static func parse(_ text: String, source: String, longest: Int) throws -> [YAMLNode] {
    guard text.utf8.count <= longest else {
      throw Fault(
        .invalid, operation: "read \(source)", reason: "it has \(text.utf8.count) bytes, more than \(longest)",
        remedy: "shorten it or split it")
    }
    try Manifest.checkDepth(of: text, source: source)
    try Manifest.checkAliases(in: text, source: source, keysOnly: true)
    do {
      var nodes = try Yams.compose_all(yaml: text, Resolver.default)
      var documents: [Node] = []
      while let node = nodes.next() { documents.append(node) }
      // The sequence ends at an error and keeps it.
      if let error = nodes.error { throw error }
      let places = Places(text)
      var room = mostNodes
      let roots = documents.compactMap { YAMLNode($0, places, &room) }
      guard room > 0 else {
        throw Fault(
          .invalid, operation: "read \(source)",
          reason: "it has more than \(mostNodes) values once its aliases are put in", remedy: "write fewer")
      }
      return roots
    } catch let error as YamlError {
      throw Manifest.syntaxFault(error, source: source)
    }
  }

  /// What an alias stands for counts each time.
  private static let mostNodes = 2_000_000

  /// - Returns: `nil` when there is no room for more nodes.
  private init?(_ node: Node, _ places: Places, _ room: inout Int) {
    guard room > 0 else { return nil }
    room -= 1
    mark = node.mark.map(places.mark) ?? Mark()
    switch node {
    case .scalar(let scalar):
      content = Tag.Name(rawValue: node.tag.rawValue) == .null ? .null : .scalar(scalar.string)
    case .sequence(let sequence):
      var items: [YAMLNode] = []
      for item in sequence {
        guard let item = YAMLNode(item, places, &room) else { return nil }
        items.append(item)
      }
      content = .sequence(items)
    case .mapping(let mapping):
      var pairs: [(key: YAMLNode, value: YAMLNode)] = []
      for (key, value) in mapping {
        guard let key = YAMLNode(key, places, &room), let value = YAMLNode(value, places, &room) else { return nil }
        pairs.append((key, value))
      }
      content = .mapping(pairs)
    case .alias:
      // The parser puts in what it stands for.
      content = .null
    }
  }

  package subscript(_ key: String) -> YAMLNode? {
    guard case .mapping(let pairs) = content else { return nil }
    return pairs.first { $0.key.text == key }?.value
  }

  package var text: String? {
    if case .scalar(let text) = content { return text }
    return nil
  }

  package var isNull: Bool {
    if case .null = content { return true }
    return false
  }

  package var items: [YAMLNode]? {
    if case .sequence(let items) = content { return items }
    return nil
  }

  package var pairs: [(key: YAMLNode, value: YAMLNode)]? {
    if case .mapping(let pairs) = content { return pairs }
    return nil
  }
}

/// From the parser's lines and columns, which count characters, to bytes.
private struct Places {
  private let lines: [Substring.UTF8View]
  private let starts: [Int]

  init(_ text: String) {
    var starts: [Int] = []
    var offset = 0
    lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { line in
      starts.append(offset)
      offset += line.count + 1
      return Substring(line).utf8
    }
    self.starts = starts
  }

  func mark(_ mark: Yams.Mark) -> YAMLNode.Mark {
    let line = mark.line - 1
    guard lines.indices.contains(line) else { return YAMLNode.Mark(offset: starts.last ?? 0, line: max(line, 0)) }
    var column = 0
    var characters = 0
    for byte in lines[line] {
      // A byte that continues a character counts for none of its own.
      if byte & 0xc0 != 0x80 {
        if characters == mark.column - 1 { break }
        characters += 1
      }
      column += 1
    }
    return YAMLNode.Mark(offset: starts[line] + column, line: line, column: column)
  }
}
