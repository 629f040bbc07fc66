/// Parses the condition of a rule or macro.
///
/// The grammar, its limits and its messages are those of Falco's parser (falcosecurity/libs 0.25,
/// userspace/libsinsp/filter/parser.h has it as EBNF), so that a condition is accepted here exactly when Falco accepts
/// it.
package struct ConditionParser {
  /// How deep Falco lets the parts of a rule's condition nest.
  package static let deepest = 1_000

  static let transformers = ["tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt"]
  /// With the one that only stands on the right of an operator.
  static let allTransformers = ["val"] + transformers

  var scanner: ConditionScanner
  private let isEmpty: Bool
  private let limit: Int
  private var depth = 0

  private init(_ scanner: ConditionScanner, deepest: Int) {
    self.scanner = scanner
    isEmpty = scanner.isAtEnd
    limit = deepest
  }

  /// - Throws: `ConditionSyntaxError` with the place where the text goes wrong.
  package static func parse(_ text: String, deepest: Int = deepest) throws(ConditionSyntaxError) -> Expression {
    var parser = ConditionParser(ConditionScanner(text), deepest: deepest)
    guard !parser.isEmpty else { throw parser.error("filter input string is empty") }
    let expression = try parser.parseOr()
    guard parser.scanner.isAtEnd else {
      throw parser.error("unexpected token after '\(parser.scanner.token)', expecting 'or', 'and'")
    }
    return expression
  }

  /// Parses the field or transformer that stands at a place of a text.
  ///
  /// - Parameter takingArgument: with what follows it in brackets.
  /// - Returns: it, and how many bytes it has.
  static func parseTerm(
    _ text: [UInt8], from start: Int = 0, takingArgument: Bool = true
  ) throws(ConditionSyntaxError) -> (term: Term, length: Int) {
    var parser = ConditionParser(ConditionScanner(text, from: start), deepest: 100)
    let term = try parser.parseLeadingTerm(takingArgument: takingArgument)
    return (term, parser.scanner.position.offset - start)
  }

  // MARK: and, or, not

  private mutating func parseOr() throws(ConditionSyntaxError) -> Expression {
    try enter()
    defer { leave() }
    let position = scanner.position
    scanner.takeBlanks()
    var children = [try parseAnd()]
    scanner.takeBlanks()
    while scanner.take("or") {
      children.append(try scanner.takeBlanks() ? parseAnd() : parseAttachedParentheses(after: "or"))
      scanner.takeBlanks()
    }
    return children.count > 1 ? .or(children, position) : children[0]
  }

  private mutating func parseAnd() throws(ConditionSyntaxError) -> Expression {
    try enter()
    defer { leave() }
    let position = scanner.position
    scanner.takeBlanks()
    var children = [try parseNot()]
    scanner.takeBlanks()
    while scanner.take("and") {
      children.append(try scanner.takeBlanks() ? parseNot() : parseAttachedParentheses(after: "and"))
      scanner.takeBlanks()
    }
    return children.count > 1 ? .and(children, position) : children[0]
  }

  private mutating func parseAttachedParentheses(after keyword: String) throws(ConditionSyntaxError) -> Expression {
    guard scanner.take("(") else { throw error("expected blank or '(' after '\(keyword)'") }
    return try parseInParentheses()
  }

  private mutating func parseNot() throws(ConditionSyntaxError) -> Expression {
    try enter()
    defer { leave() }
    let position = scanner.position
    scanner.takeBlanks()
    var isNegated = false
    while scanner.takeNot() { isNegated.toggle() }
    let child: Expression
    if scanner.take("not(") {
      isNegated.toggle()
      child = try parseInParentheses()
    } else {
      child = try parseCheck()
    }
    return isNegated ? .not(child, position) : child
  }

  /// What follows an opening parenthesis.
  private mutating func parseInParentheses() throws(ConditionSyntaxError) -> Expression {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    let child = try parseOr()
    scanner.takeBlanks()
    guard scanner.take(")") else { throw error("expected a ')' token") }
    return child
  }

  // MARK: Checks

  private mutating func parseCheck() throws(ConditionSyntaxError) -> Expression {
    try enter()
    defer { leave() }
    let position = scanner.position
    scanner.takeBlanks()
    if scanner.take("(") { return try parseInParentheses() }
    if scanner.takeFieldName() {
      return try parseComparison(of: parseFieldRest(scanner.token, position), position)
    }
    if let name = takeTransformerName() {
      return try parseComparison(of: parseTransformerRest(name, position), position)
    }
    if scanner.takeIdentifier() { return .macro(scanner.token, position) }
    throw error("expected a '(' token, a field check, or an identifier")
  }

  private mutating func parseComparison(
    of left: Term, _ position: TextPosition
  ) throws(ConditionSyntaxError) -> Expression {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    if scanner.take("exists") { return .exists(left, position) }
    let text: String
    let right: RightHandSide
    if scanner.takeAny(of: ["<=", "<", ">=", ">"]) {
      text = scanner.token
      right = try parseNumberOrTransformer()
    } else if let word = takeStringOperator() {
      (text, right) = try parseStringOrList(after: word)
    } else if scanner.takeAny(of: ["intersects", "in", "pmatch"]) {
      text = scanner.token
      right = try parseListOrTransformer()
    } else {
      throw error("expected a valid check operator: one of \(Self.quoted(Self.operators))")
    }
    guard let comparison = Comparison(text) else { throw error("unrecognized filter comparison operator '\(text)'") }
    return .comparison(left, comparison, right, position)
  }

  private static let stringWords = [
    "glob", "iglob", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "regex",
  ]
  private static let operators =
    ["exists", "<=", "<", ">=", ">", "==", "=", "!="] + stringWords + ["intersects", "in", "pmatch"]

  private mutating func takeStringOperator() -> String? {
    if scanner.takeAny(of: ["==", "=", "!="]) { return scanner.token }
    for word in Self.stringWords where scanner.takeWord(word) { return word }
    return nil
  }

  private mutating func parseStringOrList(
    after word: String
  ) throws(ConditionSyntaxError) -> (text: String, right: RightHandSide) {
    let hadBlank = ConditionScanner.isWordByte(word.utf8.first ?? 0) || scanner.takeBlanks()
    let mark = scanner.mark
    if hadBlank {
      for modifier in ["oneof", "anyof", "allof"] where scanner.takeWord(modifier) {
        guard listFollows, !keywordFollows else { break }
        return ("\(word) \(modifier)", try parseList())
      }
    }
    scanner.goBack(to: mark)
    return (word, try parseStringOrTransformer())
  }

  private var listFollows: Bool {
    var ahead = scanner
    return ahead[0] == UInt8(ascii: "(") || ahead.takeIdentifier()
  }

  private var keywordFollows: Bool {
    ["and", "or", "not"].contains { scanner.starts(with: $0) && !ConditionScanner.isWordByte(scanner[$0.utf8.count]) }
  }

  // MARK: Depth and errors

  mutating func enter() throws(ConditionSyntaxError) {
    depth += 1
    guard depth < limit else { throw error("exceeded max depth limit of \(limit)") }
  }

  mutating func leave() { depth -= 1 }

  func error(_ message: String) -> ConditionSyntaxError {
    ConditionSyntaxError(message: message, position: scanner.position)
  }

  static func quoted(_ words: [String]) -> String { words.map { "'\($0)'" }.joined(separator: ", ") }
}
