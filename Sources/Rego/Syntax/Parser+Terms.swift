extension Parser {
  /// A term with all its operators.
  mutating func parseTerm() throws(RegoError) -> Term {
    try enter()
    defer { leave() }
    let location = token.location
    let first = try parseOperand()
    // `key, value in collection` stands where no list is: within parentheses.
    return isKeyword("in") ? try membership([first], location) : first
  }

  /// What follows the operands before `in`.
  private mutating func membership(_ operands: [Term], _ location: Location) throws(RegoError) -> Term {
    var operands = operands
    var count = 0
    repeat {
      try bound(&count)
      guard takeKeyword("in") else { throw unexpected("'in'") }
      operands.append(try parseOperand())
      operands = [Term(.call("internal.member_\(operands.count)", operands), location)]
    } while isKeyword("in")
    return operands[0]
  }

  /// Long chains of operators become deep terms, and chains in parentheses of chains deeper ones.
  private mutating func bound(_ count: inout Int) throws(RegoError) {
    count += 1
    operators += 1
    guard count <= Self.longestChain else {
      throw RegoError("more than \(Self.longestChain) operators in a chain", token.location)
    }
    guard operators <= Self.mostOperators else {
      throw RegoError("more than \(Self.mostOperators) operators in a rule", token.location)
    }
  }

  private static let longestChain = 250
  private static let mostOperators = 1_250

  /// A term with the operators that bind closer than `in`.
  mutating func parseOperand() throws(RegoError) -> Term { try parseOperators(0) }

  /// The closest last.
  private static let operators: [[String: String]] = [
    ["==": "equal", "!=": "neq", "<": "lt", "<=": "lte", ">": "gt", ">=": "gte"], ["|": "or"], ["&": "and"],
    ["+": "plus", "-": "minus"], ["*": "mul", "/": "div", "%": "rem"],
  ]

  private mutating func parseOperators(_ level: Int) throws(RegoError) -> Term {
    guard level < Self.operators.count else { return try parseFactor() }
    var left = try parseOperators(level + 1)
    var count = 0
    while case .symbol(let symbol) = token.kind, let name = Self.operators[level][symbol] {
      let location = token.location
      try bound(&count)
      advance()
      left = Term(.call(name, [left, try parseOperators(level + 1)]), location)
    }
    return left
  }

  /// A term without operators.
  mutating func parseFactor() throws(RegoError) -> Term {
    if let ready {
      self.ready = nil
      return ready
    }
    try enter()
    defer { leave() }
    let location = token.location
    let head = try parseHead(location)
    return try parsePath(of: head, location)
  }

  private mutating func parseHead(_ location: Location) throws(RegoError) -> Term {
    switch token.kind {
    case .string(let text):
      advance()
      return Term(.constant(.string(text)), location)
    case .number(let number):
      advance()
      return Term(.constant(.number(number)), location)
    case .name(let name):
      if let constant = Self.constants[name] {
        advance()
        return Term(.constant(constant), location)
      }
      // The keyword has the name of a function.
      if name == "contains", ahead(1).kind == .symbol("(") {
        advance()
        return Term(.variable(name), location)
      }
      let name = try takeName()
      return Term(.variable(name == "_" ? wildcard() : name), location)
    case .symbol("("):
      advance()
      let term = try parseParentheses(location)
      try expect(")")
      return term
    case .symbol("["):
      advance()
      return try parseArray(location)
    case .symbol("{"):
      advance()
      return try parseBraces(location)
    case .symbol("-"):
      advance()
      guard case .number(let number) = token.kind, !token.isApart, let negative = Number("-" + number.text) else {
        throw unexpected("a number")
      }
      advance()
      return Term(.constant(.number(negative)), location)
    default: throw unexpected("a term")
    }
  }

  private static let constants: [String: Value] = ["true": true, "false": false, "null": .null]

  private mutating func parseParentheses(_ location: Location) throws(RegoError) -> Term {
    let first = try parseTerm()
    guard take(",") else { return first }
    return try membership([first, try parseOperand()], location)
  }

  private mutating func parsePath(of head: Term, _ location: Location) throws(RegoError) -> Term {
    var term = head
    var path: [Term] = []
    while !token.isApart {
      if isSymbol(".") {
        advance()
        guard case .name(let name) = token.kind, !token.isApart else { throw unexpected("a name") }
        path.append(Term(.constant(.string(name)), token.location))
        advance()
      } else if take("[") {
        path.append(try parseTerm())
        try expect("]")
      } else if isSymbol("("), let name = Self.dottedName(term, path) {
        advance()
        term = Term(.call(name, try parseTerms(until: ")")), location)
        path = []
      } else {
        break
      }
    }
    return path.isEmpty ? term : Term(.reference(term, path), location)
  }

  private static func dottedName(_ head: Term, _ path: [Term]) -> String? {
    guard case .variable(let name) = head.content else { return nil }
    var parts = [name]
    for part in path {
      guard case .constant(.string(let text)) = part.content else { return nil }
      parts.append(text)
    }
    return parts.joined(separator: ".")
  }

  /// Terms with commas between, to the end of them; the last may have a comma behind it.
  mutating func parseTerms(until end: String) throws(RegoError) -> [Term] {
    take(end) ? [] : try parseMore(until: end)
  }

  /// As `parseTerms`, but one at least.
  private mutating func parseMore(until end: String) throws(RegoError) -> [Term] {
    var terms = [try parseTerm()]
    while take(",") {
      if take(end) { return terms }
      terms.append(try parseTerm())
    }
    try expect(end)
    return terms
  }

  private mutating func parseArray(_ location: Location) throws(RegoError) -> Term {
    if take("]") { return Term(.array([]), location) }
    if let (head, body) = try parseComprehension(until: "]") {
      return Term(.arrayComprehension(head, body), location)
    }
    return Term(.array(try parseMore(until: "]")), location)
  }

  /// `term | body`, if it is that: `|` is an operator too, so the term has none. What is no comprehension goes on with
  /// the factor that was read.
  private mutating func parseComprehension(until end: String) throws(RegoError) -> (Term, [Statement])? {
    let head = try parseFactor()
    guard take("|") else {
      ready = head
      return nil
    }
    return (head, try parseComprehensionBody(until: end))
  }

  private mutating func parseComprehensionBody(until end: String) throws(RegoError) -> [Statement] {
    let location = token.location
    let body = try parseStatements(until: end)
    guard !body.isEmpty else { throw RegoError("a body must not be empty", location) }
    return body
  }

  private mutating func parseBraces(_ location: Location) throws(RegoError) -> Term {
    if take("}") { return Term(.object([]), location) }
    if let (head, body) = try parseComprehension(until: "}") { return Term(.setComprehension(head, body), location) }
    let key = try parseTerm()
    if take(":") {
      let value = try parseFactor()
      if take("|") {
        return Term(.objectComprehension(key: key, value: value, try parseComprehensionBody(until: "}")), location)
      }
      ready = value
      var entries = [(key: key, value: try parseTerm())]
      while take(",") {
        if isSymbol("}") { break }
        let key = try parseTerm()
        try expect(":")
        entries.append((key: key, value: try parseTerm()))
      }
      try expect("}")
      return Term(.object(entries), location)
    }
    ready = key
    return Term(.set(try parseMore(until: "}")), location)
  }
}
