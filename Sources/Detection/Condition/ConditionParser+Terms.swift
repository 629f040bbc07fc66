/// Fields, transformers, and what a term is compared with.
extension ConditionParser {
  private static let transformersOnRight =
    "expected a number value or a field with a valid transformer: \(quoted(allTransformers))"

  mutating func parseLeadingTerm(takingArgument: Bool) throws(ConditionSyntaxError) -> Term {
    try enter()
    defer { leave() }
    let position = scanner.position
    if scanner.takeFieldName() {
      guard takingArgument else { return .field(name: scanner.token, argument: nil, position) }
      return try parseFieldRest(scanner.token, position)
    }
    if let name = takeTransformerName() {
      return try parseTransformerRest(name, position, takingArgument: takingArgument)
    }
    throw error("unexpected token after '\(scanner.token)")
  }

  /// The name of a transformer, with its opening parenthesis and blanks after it taken too.
  mutating func takeTransformerName() -> String? {
    for name in Self.transformers where scanner.take("\(name)(") {
      scanner.takeBlanks()
      scanner.token = name
      return name
    }
    return nil
  }

  mutating func parseFieldRest(_ name: String, _ position: TextPosition) throws(ConditionSyntaxError) -> Term {
    try enter()
    defer { leave() }
    return .field(name: name, argument: try parseOptionalArgument(), position)
  }

  private mutating func parseOptionalArgument() throws(ConditionSyntaxError) -> String? {
    guard scanner.take("[") else { return nil }
    guard try scanner.takeQuotedString() || scanner.takeBareArgument() else {
      throw error("expected a valid field argument: a quoted string or a bare string")
    }
    let argument = scanner.token
    guard scanner.take("]") else { throw error("expected a ']' token") }
    return argument
  }

  mutating func parseTransformerRest(
    _ name: String, _ position: TextPosition, takingArgument: Bool = true
  ) throws(ConditionSyntaxError) -> Term {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    var arguments: [Term] = []
    repeat {
      arguments.append(try parseTransformerArgument(scanner.position))
      scanner.takeBlanks()
    } while scanner.take(",")
    scanner.takeBlanks()
    guard scanner.take(")") else { throw error("expected a ')' token closing the transformer") }
    let argument = try takingArgument ? parseOptionalArgument() : nil
    return .transformer(name: name, arguments: arguments, argument: argument, position)
  }

  private mutating func parseTransformerArgument(_ position: TextPosition) throws(ConditionSyntaxError) -> Term {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    if scanner.takeNumber() { return .literal(scanner.constant, position) }
    if try scanner.takeQuotedString() { return .literal(scanner.constant, position) }
    if scanner.take("(") { return try parseTransformerList(position) }
    if let name = takeTransformerName() { return try parseTransformerRest(name, position) }
    if scanner.takeFieldName() { return try parseFieldRest(scanner.token, position) }
    throw error(
      "expected field transformer argument: field, transformer, quoted string, number, or transformer list")
  }

  private mutating func parseTransformerList(_ position: TextPosition) throws(ConditionSyntaxError) -> Term {
    scanner.takeBlanks()
    if scanner.take(")") { return .list([], position) }
    var items = [try parseTransformerListItem(position)]
    scanner.takeBlanks()
    while scanner.take(",") {
      scanner.takeBlanks()
      items.append(try parseTransformerListItem(position))
      scanner.takeBlanks()
    }
    guard scanner.take(")") else { throw error("expected ')'") }
    return .list(items, position)
  }

  private mutating func parseTransformerListItem(_ position: TextPosition) throws(ConditionSyntaxError) -> Term {
    if scanner.takeFieldName() { return try parseFieldRest(scanner.token, position) }
    if let name = takeTransformerName() { return try parseTransformerRest(name, position) }
    if try scanner.takeQuotedString() { return .literal(scanner.constant, position) }
    if scanner.takeNumber() { return .literal(scanner.constant, position) }
    throw error("expected transformer list argument: field, transformer, quoted string, or number")
  }

  // MARK: Right-hand sides

  mutating func parseNumberOrTransformer() throws(ConditionSyntaxError) -> RightHandSide {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    let position = scanner.position
    if let term = try parseTransformerIfAny() { return .term(term) }
    if scanner.takeNumber() { return .value(scanner.constant, position) }
    throw error(Self.transformersOnRight)
  }

  mutating func parseStringOrTransformer() throws(ConditionSyntaxError) -> RightHandSide {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    let position = scanner.position
    if let term = try parseTransformerIfAny() { return .term(term) }
    if try scanner.takeQuotedString() || scanner.takeBareString() { return .value(scanner.constant, position) }
    throw error("expected a string value or a field with a valid transformer: \(Self.quoted(Self.allTransformers))")
  }

  private mutating func parseString() throws(ConditionSyntaxError) -> ByteText {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    guard try scanner.takeQuotedString() || scanner.takeBareString() else { throw error("expected a string value") }
    return scanner.constant
  }

  mutating func parseList() throws(ConditionSyntaxError) -> RightHandSide {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    let position = scanner.position
    if let list = try parseListIfAny() { return list }
    if scanner.takeIdentifier() { return .value(scanner.constant, position) }
    throw error("expected a list or an identifier")
  }

  mutating func parseListOrTransformer() throws(ConditionSyntaxError) -> RightHandSide {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    let position = scanner.position
    if let list = try parseListIfAny() { return list }
    if let term = try parseTransformerIfAny() { return .term(term) }
    if scanner.takeIdentifier() { return .value(scanner.constant, position) }
    throw error(
      "expected a list, an identifier, or a field with a valid transformer: \(Self.quoted(Self.allTransformers))")
  }

  private mutating func parseListIfAny() throws(ConditionSyntaxError) -> RightHandSide? {
    let position = scanner.position
    guard scanner.take("(") else { return nil }
    var values: [ByteText] = []
    scanner.takeBlanks()
    // What is no first value may be the end of an empty list.
    if let first = try? parseString() {
      values.append(first)
      scanner.takeBlanks()
      while scanner.take(",") {
        values.append(try parseString())
        scanner.takeBlanks()
      }
    }
    guard scanner.take(")") else { throw error("expected a ')' token") }
    return .values(values, position)
  }

  private mutating func parseTransformerIfAny() throws(ConditionSyntaxError) -> Term? {
    try enter()
    defer { leave() }
    scanner.takeBlanks()
    let position = scanner.position
    if scanner.take("val(") {
      scanner.takeBlanks()
      scanner.token = "val"
      let fieldPosition = scanner.position
      guard scanner.takeFieldName() else { throw error("expected a field within 'val' transformer") }
      let field = try parseFieldRest(scanner.token, fieldPosition)
      scanner.takeBlanks()
      guard scanner.take(")") else { throw error("expected a ')' token closing the transformer") }
      return .transformer(name: "val", arguments: [field], argument: try parseOptionalArgument(), position)
    }
    guard let name = takeTransformerName() else { return nil }
    return try parseTransformerRest(name, position)
  }
}
