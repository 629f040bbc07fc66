import Faults

/// Attributes and blocks: the structural elements of the HCL native syntax specification.
struct Parser {
  struct Body {
    var attributes = HCLObject()
    var blocks: [HCLBlock] = []
    /// The types of the blocks.
    var types: Set<String> = []
  }

  var cursor: Cursor
  private var depth = 0

  init(_ cursor: Cursor) { self.cursor = cursor }

  mutating func document() throws -> Body { try body(endingWith: nil, opened: 1) }

  /// - Parameter opened: The line of the opening brace.
  private mutating func body(endingWith end: Unicode.Scalar?, opened: Int) throws -> Body {
    var body = Body()
    while true {
      try cursor.skipBlanks(andLines: true)
      if cursor.next == end { return body }
      let expected = "an attribute or a block" + (end == nil ? "" : ", or '}' for the '{' of line \(opened)")
      try readStatement(into: &body, expected: expected)
      try cursor.skipBlanks()
      guard cursor.next == nil || cursor.next == "\n" else {
        throw cursor.unexpected(
          expected: "the end of the line", remedy: "write one attribute or block a line; expressions are not read")
      }
    }
  }

  private mutating func readStatement(into body: inout Body, expected: String) throws {
    let (start, line) = (cursor.offset, cursor.line)
    let name = try name(expected: expected)
    try cursor.skipBlanks()
    if cursor.next == "=" { return try readAttribute(name, at: start, into: &body) }
    guard body.attributes[name] == nil else { throw duplicate(name, at: start) }
    let labels = try labels()
    let content = try nested { try $0.braces() }
    body.types.insert(name)
    body.blocks.append(
      HCLBlock(type: name, labels: labels, attributes: content.attributes, blocks: content.blocks, line: line))
  }

  private mutating func readAttribute(_ name: String, at start: Int, into body: inout Body) throws {
    guard cursor.take("=") else {
      throw cursor.unexpected(expected: "'='", remedy: "write name = value, or the block on several lines")
    }
    try cursor.skipBlanks()
    let value = try value()
    guard !body.types.contains(name), body.attributes.add(value, for: name) else { throw duplicate(name, at: start) }
  }

  private mutating func labels() throws -> [String] {
    var labels: [String] = []
    while let scalar = cursor.next, scalar == "\"" || scalar.startsName {
      labels.append(scalar == "\"" ? try quoted() : try name(expected: "a label"))
      try cursor.skipBlanks()
    }
    guard cursor.next == "{" else {
      throw cursor.unexpected(
        expected: labels.isEmpty ? "'=', a label or '{'" : "a label or '{'",
        remedy: "write name = value, or a block: name \"label\" { … }")
    }
    return labels
  }

  /// The body of a block: lines, or at most one attribute between braces on one line.
  private mutating func braces() throws -> Body {
    let opened = cursor.line
    cursor.advance()
    try cursor.skipBlanks()
    var content = Body()
    if cursor.next == "\n" {
      content = try body(endingWith: "}", opened: opened)
    } else if cursor.next != "}" {
      let start = cursor.offset
      let name = try name(expected: "an attribute, '}' or the end of the line")
      try cursor.skipBlanks()
      try readAttribute(name, at: start, into: &content)
      try cursor.skipBlanks()
    }
    guard cursor.take("}") else {
      throw cursor.unexpected(expected: "'}'", remedy: "write a block with more than one attribute on several lines")
    }
    return content
  }

  /// - Throws: `Fault(.invalid)`, also for `true` and `false`, which OpenBao does not take for names.
  mutating func name(expected: String) throws -> String {
    let start = cursor.offset
    guard cursor.next?.startsName == true else {
      throw cursor.unexpected(
        expected: expected, remedy: "use letters, digits, '_' and '-'; only labels and keys may be quoted")
    }
    let name = cursor.take { $0.continuesName }.text
    guard name != "true", name != "false" else {
      throw cursor.fault(
        at: start, "found '\(name)', expected \(expected)", remedy: "use another name, or put it in quotes as a key")
    }
    return name
  }

  func duplicate(_ name: String, at place: Int) -> Fault {
    let shown = shown(name.unicodeScalars)
    return cursor.fault(
      at: place, "found \(shown) a second time, expected each name once", remedy: "remove one of the two")
  }

  /// Reads what the bracket at the cursor opens.
  mutating func nested<Result>(_ read: (inout Parser) throws -> Result) throws -> Result {
    guard depth < HCLDocument.deepestNesting else {
      let limit = HCLDocument.deepestNesting
      throw cursor.fault(
        "found level \(limit + 1) of blocks, lists and objects, expected at most \(limit)", remedy: "nest less deeply")
    }
    depth += 1
    defer { depth -= 1 }
    return try read(&self)
  }
}

extension ArraySlice<Unicode.Scalar> {
  var text: String { String(String.UnicodeScalarView(self)) }
}
