extension Parser {
  mutating func parseStatement() throws(RegoError) -> Statement {
    try enter()
    defer { leave() }
    let location = token.location
    var statement = Statement(content: try parseContent(location), location: location)
    while isKeyword("with") {
      let place = token.location
      advance()
      let target = try parseTarget()
      guard takeKeyword("as") else { throw unexpected("'as'") }
      statement.changes.append(Statement.Change(target: target, value: try parseTerm(), location: place))
    }
    return statement
  }

  private mutating func parseTarget() throws(RegoError) -> [String] {
    let location = token.location
    guard case .reference(let head, let path) = try parseTerm().content, case .variable(let name) = head.content else {
      guard case .name(let name) = ahead(-1).kind, name == "input" else {
        throw RegoError("'with' changes input or data only", location)
      }
      return ["input"]
    }
    var target = [name]
    for part in path {
      guard case .constant(.string(let text)) = part.content else {
        throw RegoError("the target of 'with' has to be a path of names", location)
      }
      target.append(text)
    }
    guard name == "input" || name == "data" else { throw RegoError("'with' changes input or data only", location) }
    return target
  }

  private mutating func parseContent(_ location: Location) throws(RegoError) -> Statement.Content {
    if isKeyword("not") {
      try enter()
      defer { leave() }
      advance()
      let place = token.location
      let content = try parseContent(place)
      switch content {
      case .assign, .some, .someIn, .every: throw RegoError("'not' cannot be before this", location)
      default: return .not(Statement(content: content, location: place))
      }
    }
    if isKeyword("some") { return try parseSome() }
    if isKeyword("every") { return try parseEvery() }
    let left = try parseTerm()
    if take(":=") { return .assign(left, try parseTerm()) }
    if take("=") { return .unify(left, try parseTerm()) }
    return .term(left)
  }

  private mutating func parseSome() throws(RegoError) -> Statement.Content {
    advance()
    // Without `in` names are declared; with it a key may be before the value.
    let start = mark
    var names: [String] = []
    while case .name = token.kind, let name = try? takeName() {
      names.append(name)
      guard take(",") else { break }
    }
    if !names.isEmpty, !isKeyword("in"), isEndOfStatement { return .some(names) }
    goBack(to: start)
    let first = try parseOperand()
    var second: Term?
    if take(",") { second = try parseOperand() }
    guard takeKeyword("in") else { throw unexpected("'in'") }
    let collection = try parseOperand()
    if let second { return .someIn(key: first, value: second, collection: collection) }
    return .someIn(key: nil, value: first, collection: collection)
  }

  private var isEndOfStatement: Bool {
    token.isFirstOfLine || isSymbol(";") || isSymbol("}") || isSymbol("]") || token.kind == .end
  }

  private mutating func parseEvery() throws(RegoError) -> Statement.Content {
    advance()
    let first = try takeName()
    var second: String?
    if take(",") { second = try takeName() }
    guard takeKeyword("in") else { throw unexpected("'in'") }
    let collection = try parseOperand()
    let body = try parseBody()
    if let second { return .every(key: first, value: second, collection: collection, body: body) }
    return .every(key: nil, value: first, collection: collection, body: body)
  }
}
