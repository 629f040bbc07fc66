/// Makes a module of tokens: Rego as of version 1, and as before it.
struct Parser {
  /// How deep terms may nest.
  private static let deepest = 200

  private let tokens: [Token]
  private var place = 0
  private var depth = 0
  /// Operators of the rule that is read.
  var operators = 0
  private let isVersion1: Bool
  private var keywords: Set<String>
  private var wildcards = 0
  /// A factor that was read already and belongs to the term that is read next.
  var ready: Term?

  /// - Throws: `RegoError` at the first thing that is no Rego, or that is not supported.
  static func parse(_ text: String, file: String, version1: Bool) throws(RegoError) -> Module {
    var parser = Parser(try Lexer.tokens(of: text, file: file), version1: version1)
    return try parser.parseModule(file)
  }

  private init(_ tokens: [Token], version1: Bool) {
    self.tokens = tokens
    isVersion1 = version1
    keywords = version1 ? Self.laterKeywords : []
  }

  private static let laterKeywords: Set<String> = ["if", "contains", "every", "in"]
  private static let reserved: Set<String> = [
    "package", "import", "default", "not", "some", "with", "as", "else", "true", "false", "null",
  ]

  // MARK: Tokens

  var token: Token { tokens[place] }

  func ahead(_ distance: Int) -> Token { tokens[min(place + distance, tokens.count - 1)] }

  func isSymbol(_ symbol: String) -> Bool { token.kind == .symbol(symbol) }

  func isKeyword(_ word: String) -> Bool {
    token.kind == .name(word) && (Self.reserved.contains(word) || keywords.contains(word))
  }

  mutating func advance() { if place < tokens.count - 1 { place += 1 } }

  mutating func take(_ symbol: String) -> Bool {
    guard isSymbol(symbol) else { return false }
    advance()
    return true
  }

  mutating func takeKeyword(_ word: String) -> Bool {
    guard isKeyword(word) else { return false }
    advance()
    return true
  }

  mutating func expect(_ symbol: String) throws(RegoError) {
    guard take(symbol) else { throw unexpected("'\(symbol)'") }
  }

  func unexpected(_ wanted: String) -> RegoError {
    RegoError("expected \(wanted), not \(token.kind == .end ? "the end" : "'\(token.text)'")", token.location)
  }

  /// A name that is no keyword.
  mutating func takeName() throws(RegoError) -> String {
    guard case .name(let name) = token.kind, !Self.reserved.contains(name), !keywords.contains(name) else {
      throw unexpected("a name")
    }
    advance()
    return name
  }

  var mark: Int { place }
  mutating func goBack(to mark: Int) { place = mark }

  mutating func enter() throws(RegoError) {
    depth += 1
    guard depth <= Self.deepest else { throw RegoError("nested more than \(Self.deepest) deep", token.location) }
  }

  mutating func leave() { depth -= 1 }

  /// A name that nobody else has.
  mutating func wildcard() -> String {
    wildcards += 1
    return "$\(wildcards)"
  }

  // MARK: Modules

  private mutating func parseModule(_ file: String) throws(RegoError) -> Module {
    guard takeKeyword("package") else { throw unexpected("'package'") }
    var module = Module(file: file, package: try parsePath())
    while isKeyword("import") {
      let location = token.location
      advance()
      try parseImport(location, &module)
    }
    while token.kind != .end { module.rules += try parseRules() }
    return module
  }

  private mutating func parsePath() throws(RegoError) -> [String] {
    guard case .name(let first) = token.kind else { throw unexpected("a name") }
    advance()
    var path = [first]
    while true {
      if take(".") {
        guard case .name(let name) = token.kind else { throw unexpected("a name") }
        advance()
        path.append(name)
      } else if isSymbol("["), case .string(let name) = ahead(1).kind, ahead(2).kind == .symbol("]") {
        advance()
        advance()
        advance()
        path.append(name)
      } else {
        return path
      }
    }
  }

  private mutating func parseImport(_ location: Location, _ module: inout Module) throws(RegoError) {
    let path = try parsePath()
    switch path[0] {
    case "rego":
      guard path == ["rego", "v1"] else { throw RegoError("unknown import \(path.joined(separator: "."))", location) }
      keywords = Self.laterKeywords
      return
    case "future":
      guard path.count >= 2, path[1] == "keywords", path.count <= 3 else {
        throw RegoError("unknown import \(path.joined(separator: "."))", location)
      }
      let words = path.count == 3 ? [path[2]] : Array(Self.laterKeywords)
      for word in words {
        guard Self.laterKeywords.contains(word) else { throw RegoError("unknown keyword '\(word)'", location) }
        keywords.insert(word)
      }
      // `every` cannot be read without it.
      if keywords.contains("every") { keywords.insert("in") }
      return
    case "data", "input": break
    default: throw RegoError("imports begin with data, input, rego or future", location)
    }
    var alias = path[path.count - 1]
    if takeKeyword("as") { alias = try takeName() }
    module.imports.append(Module.Import(path: path, alias: alias, location: location))
  }

  // MARK: Rules

  /// A rule, and those that share its head with bodies of their own.
  private mutating func parseRules() throws(RegoError) -> [Rule] {
    operators = 0
    let isDefault = takeKeyword("default")
    let location = token.location
    var rule = Rule(name: try takeName(), body: [], location: location)
    rule.isDefault = isDefault
    if isSymbol("("), !token.isApart {
      advance()
      // A function without arguments is a rule like any other.
      let arguments = try parseTerms(until: ")")
      if !arguments.isEmpty { rule.arguments = arguments }
    }
    if isSymbol("."), !token.isApart {
      throw RegoError("names of rules with dots are not supported", token.location)
    }
    if rule.arguments != nil, isSymbol("[") && !token.isApart || isKeyword("contains") {
      throw RegoError("a function cannot be a set or an object", token.location)
    }
    var isOldSet = false
    if isSymbol("["), !token.isApart {
      advance()
      rule.key = try parseTerm()
      try expect("]")
      rule.kind = .object
      isOldSet = true
      if isSymbol("[") || isSymbol(".") {
        throw RegoError("names of rules with several parts are not supported", token.location)
      }
    } else if takeKeyword("contains") {
      rule.key = try parseTerm()
      rule.kind = .set
    }
    if rule.kind != .set, take(":=") || take("=") {
      rule.value = try parseTerm()
      isOldSet = false
    }
    let hasIf = takeKeyword("if")
    if isOldSet {
      // Without `if` it is a set, as before version 1; with it, an object of `true`.
      rule.kind = hasIf || isVersion1 ? .object : .set
    }
    if isDefault {
      guard rule.value != nil, !hasIf, rule.kind == .complete else {
        throw RegoError("a default has a value and no body", location)
      }
      return [rule]
    }
    if hasIf, !isSymbol("{") {
      rule.body = [try parseStatement()]
    } else if hasIf || isSymbol("{") {
      guard hasIf || !isVersion1 else { throw RegoError("'if' is wanted before the body of a rule", token.location) }
      rule.body = try parseBody()
    } else if rule.value == nil, rule.kind != .set, rule.arguments == nil || isVersion1 {
      throw unexpected("a value or a body")
    }
    try parseAlternatives(&rule)
    var rules = [rule]
    while !isVersion1, isSymbol("{"), rule.alternatives.isEmpty {
      var next = rule
      next.location = token.location
      next.body = try parseBody()
      rules.append(next)
    }
    guard token.isFirstOfLine || token.kind == .end || take(";") else { throw unexpected("the end of the rule") }
    return rules
  }

  private mutating func parseAlternatives(_ rule: inout Rule) throws(RegoError) {
    while isKeyword("else") {
      let location = token.location
      advance()
      var alternative = Rule.Alternative(body: [], location: location)
      if take(":=") || take("=") { alternative.value = try parseTerm() }
      if takeKeyword("if") {
        alternative.body = isSymbol("{") ? try parseBody() : [try parseStatement()]
      } else if isSymbol("{") {
        alternative.body = try parseBody()
      } else if alternative.value == nil {
        throw unexpected("a value or a body")
      }
      rule.alternatives.append(alternative)
    }
  }

  /// `{ … }`
  mutating func parseBody() throws(RegoError) -> [Statement] {
    try enter()
    defer { leave() }
    try expect("{")
    let body = try parseStatements(until: "}")
    guard !body.isEmpty else { throw RegoError("a body must not be empty", token.location) }
    return body
  }

  /// Statements, each on a line of its own or with semicolons between.
  mutating func parseStatements(until end: String) throws(RegoError) -> [Statement] {
    var statements: [Statement] = []
    while true {
      while take(";") {}
      if take(end) { return statements }
      statements.append(try parseStatement())
      guard isSymbol(end) || isSymbol(";") || token.isFirstOfLine else {
        throw unexpected("a new line, ';' or '\(end)'")
      }
    }
  }
}
