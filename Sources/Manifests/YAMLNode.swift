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
  /// Of a value that is left out, where what follows it begins.
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
    try refuseRareBreaks(text, source: source)
    try Manifest.checkDepth(of: text, source: source)
    try Manifest.checkAliases(in: text, source: source, keysOnly: true)
    do {
      // The parser takes a byte order mark for a word where a sequence begins right behind it.
      let body = text.unicodeScalars.first == "\u{feff}" ? String(text.unicodeScalars.dropFirst()) : text
      var nodes = try Yams.compose_all(yaml: body, Resolver.default)
      var documents: [Node] = []
      while let node = nodes.next() { documents.append(node) }
      // The sequence ends at an error and keeps it.
      if let error = nodes.error { throw error }
      let places = Places(body)
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

  /// Line ends to YAML 1.1, and so to the parser; characters like others to YAML 1.2 and to whoever reads the text.
  private static func refuseRareBreaks(_ text: String, source: String) throws {
    guard let place = text.unicodeScalars.firstIndex(where: { ["\u{85}", "\u{2028}", "\u{2029}"].contains($0) }) else {
      return
    }
    let line = text[..<place].utf8.reduce(1) { $1 == UInt8(ascii: "\n") ? $0 + 1 : $0 }
    throw Fault(
      .invalid, operation: "read \(source)",
      reason:
        "line \(line) has a U+\(String(text.unicodeScalars[place].value, radix: 16, uppercase: true)), which some "
        + "take for the end of a line", remedy: "write a line end, or an escape within double quotes")
  }

  /// What an alias stands for counts each time.
  private static let mostNodes = 2_000_000

  /// - Returns: `nil` when there is no room for more nodes.
  private init?(_ node: Node, _ places: Places, _ room: inout Int) {
    guard room > 0 else { return nil }
    room -= 1
    let begin = node.mark.map(places.mark) ?? Mark()
    var isLeftOut = false
    switch node {
    case .scalar(let scalar):
      let isNull = Tag.Name(rawValue: node.tag.rawValue) == .null
      isLeftOut = isNull && scalar.string.isEmpty
      content = isNull ? .null : .scalar(scalar.string)
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
    mark = isLeftOut ? places.next(after: begin) : begin
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
private final class Places {
  private let bytes: [UInt8]
  private var starts = [0]
  /// The last mark, and its column in characters: the next one is mostly behind it.
  private var last = (mark: YAMLNode.Mark(), characters: 0)

  init(_ text: String) {
    bytes = Array(text.utf8)
    for (index, byte) in bytes.enumerated() {
      let isBreak = byte == Self.newline || byte == Self.carriageReturn && !isNewline(at: index + 1)
      if isBreak { starts.append(index + 1) }
    }
  }

  private static let newline = UInt8(ascii: "\n")
  private static let carriageReturn = UInt8(ascii: "\r")

  private func isNewline(at index: Int) -> Bool { index < bytes.count && bytes[index] == Self.newline }

  func mark(_ mark: Yams.Mark) -> YAMLNode.Mark {
    let line = mark.line - 1
    guard starts.indices.contains(line) else { return YAMLNode.Mark(offset: starts.last ?? 0, line: max(line, 0)) }
    let end = line + 1 < starts.count ? starts[line + 1] : bytes.count
    let isBehind = last.mark.line == line && last.characters < mark.column
    var offset = isBehind ? last.mark.offset : starts[line]
    var characters = isBehind ? last.characters : 0
    while offset < end {
      // A byte that continues a character counts for none of its own.
      if bytes[offset] & 0xc0 != 0x80 {
        if characters == mark.column - 1 { break }
        characters += 1
      }
      offset += 1
    }
    last = (YAMLNode.Mark(offset: offset, line: line, column: offset - starts[line]), characters)
    return last.mark
  }

  /// Where what follows a place begins, past blanks, comments and line ends.
  func next(after mark: YAMLNode.Mark) -> YAMLNode.Mark {
    // The parser knows of more kinds of line ends.
    guard starts.indices.contains(mark.line) else { return mark }
    var offset = mark.offset
    var line = mark.line
    var isComment = false
    while offset < bytes.count {
      let byte = bytes[offset]
      let isBreak = byte == Self.newline || byte == Self.carriageReturn
      if byte == UInt8(ascii: "#") { isComment = true }
      if isBreak { isComment = false }
      guard isComment || isBreak || byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") else { break }
      offset += 1
      if line + 1 < starts.count, starts[line + 1] == offset { line += 1 }
    }
    return YAMLNode.Mark(offset: offset, line: line, column: offset - starts[line])
  }
}
