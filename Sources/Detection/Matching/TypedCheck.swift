/// One comparison of a condition, with everything looked up and read.
struct TypedCheck: Hashable, Sendable {
  enum Operand: Hashable, Sendable {
    /// Of `exists`, and of comparisons with an empty list.
    case none
    case literals([Literal])
    case term(TypedTerm)
  }

  var left: TypedTerm
  var comparison: Comparison
  var right: Operand

  init(exists term: TypedTerm) {
    left = term
    comparison = Comparison(.exists)
    right = .none
  }

  /// - Throws: `FieldError` in Falco's words, for the first thing that it would find.
  init(_ left: Term, _ comparison: Comparison, _ right: RightHandSide) throws(FieldError) {
    let term = try TypedTerm(left)
    if let objection = term.type.objection(to: comparison, isList: term.isList) {
      throw FieldError("filter error: \(objection)")
    }
    self.left = term
    // Two spellings of one operator make the same check.
    self.comparison = Comparison(comparison.operator, comparison.modifier)
    switch right {
    case .value(let constant, _):
      self.right = .literals([try Self.literal(constant, term, comparison)])
    case .values(let constants, _):
      var literals: [Literal] = []
      for constant in constants { literals.append(try Self.literal(constant, term, comparison)) }
      self.right = .literals(literals)
    case .term(let other):
      let other = try TypedTerm(other)
      try Self.requireComparable(term, comparison.operator, other)
      self.right = .term(other)
    }
  }

  init(_ left: TypedTerm, _ comparison: Comparison, _ right: Operand) {
    (self.left, self.comparison, self.right) = (left, comparison, right)
  }

  private static func literal(
    _ constant: ByteText, _ term: TypedTerm, _ comparison: Comparison
  ) throws(FieldError) -> Literal {
    var field: FieldReference?
    if case .field(let reference) = term.source, term.transformers.isEmpty { field = reference }
    let literal = try Literal(constant, type: term.type, comparison: comparison, field: field)
    if comparison.operator == .regex, case .bytes(let pattern) = literal {
      do {
        _ = try Regex(pattern)
      } catch {
        throw FieldError("invalid regex pattern: \(error.reason)")
      }
    }
    return literal
  }

  private static func requireComparable(
    _ left: TypedTerm, _ comparison: Comparison.Operator, _ right: TypedTerm
  ) throws(FieldError) {
    if comparison == .pmatch || comparison == .regex {
      throw FieldError("operator '\(comparison.rawValue.uppercased())' doesn't support right-hand side fields")
    }
    if left.type.family == .network { throw FieldError("field type 'IPNET' doesn't support right-hand side fields") }
    guard left.definition.isComparableWithFields else {
      throw FieldError("field '\(left.definition.name)' doesn't support right-hand side fields")
    }
    guard right.definition.isComparableWithFields else {
      throw FieldError("field '\(right.definition.name)' can't be used as a right-hand side field")
    }
    guard left.type == right.type, left.isList == right.isList else {
      throw FieldError(
        "field '\(left.definition.name)' has type '\(left.type.rawValue)\(left.isList ? " (list)" : "")' while the "
          + "right-hand side field '\(right.definition.name)' has incompatible type "
          + "'\(right.type.rawValue)\(right.isList ? " (list)" : "")'")
    }
  }
}
