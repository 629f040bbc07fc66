/// Statements with `not`.
///
/// What such a statement is given has to be there, as in OPA: `not f(input.a)` is undefined without `input.a`, and so is
/// `not input[input.a]`. Only `not input.a` and `not input.a == 1` are true then.
extension BodyCompiler {
  mutating func addNot(_ inner: Statement, _ scope: Scope, _ steps: inout [DraftStep]) throws(RegoError) {
    let location = inner.location
    let wasClosed = isClosed
    isClosed = true
    defer { isClosed = wasClosed }
    var own: Set<Int> = []
    var innerSteps: [DraftStep] = []
    switch inner.content {
    case .term(let term):
      innerSteps = [DraftStep(content: .test(try negated(term, scope, &steps)), location: location)]
    case .unify(let left, let right):
      let operands = (try operand(left, scope, &steps), try operand(right, scope, &steps))
      innerSteps = [DraftStep(content: .unify(operands.0, operands.1), location: location)]
    default:
      let first = names.count
      try add(inner, scope, &innerSteps)
      // Only what has no name was made for parts of the statement.
      own = Set((first..<names.count).filter { names[$0].isEmpty })
    }
    steps.append(DraftStep(content: .not(innerSteps, own: own), location: location))
  }

  private mutating func negated(
    _ term: Term, _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) -> DraftTerm {
    if case .call("equal", let arguments) = term.content, arguments.count == 2, let equal = Builtins.named("equal"),
      compiler.place(of: "equal", in: package) == nil
    {
      return .builtin(equal, [try operand(arguments[0], scope, &steps), try operand(arguments[1], scope, &steps)])
    }
    guard case .call = term.content else { return try operand(term, scope, &steps) }
    switch try self.term(term, scope, &steps) {
    case .builtin(let builtin, let arguments):
      return .builtin(builtin, arguments.map { given($0, &steps, term.location) })
    case .function(let function, let arguments):
      return .function(function, arguments.map { given($0, &steps, term.location) })
    case let other: return other
    }
  }

  /// A term of which only the last lookup may fail.
  private mutating func operand(
    _ term: Term, _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) -> DraftTerm {
    guard case .reference = term.content else {
      let draft = try self.term(term, scope, &steps)
      switch draft {
      case .rule, .base, .input: return draft
      default: return given(draft, &steps, term.location)
      }
    }
    let (head, path) = try reference(term, scope, &steps)
    let start = head.isDocument ? head : given(head, &steps, term.location)
    return .lookup(start, path.map { given($0, &steps, term.location) })
  }

  /// A term that has to be there.
  private mutating func given(_ draft: DraftTerm, _ steps: inout [DraftStep], _ location: Location) -> DraftTerm {
    switch draft {
    case .constant, .slot, .comprehension: return draft
    case .array(let terms): return .array(terms.map { given($0, &steps, location) })
    case .set(let terms): return .set(terms.map { given($0, &steps, location) })
    case .object(let entries):
      return .object(
        entries.map { (key: given($0.key, &steps, location), value: given($0.value, &steps, location)) })
    case .input, .base, .rule, .lookup, .builtin, .function:
      let slot = makeSlot()
      steps.append(DraftStep(content: .unify(.slot(slot), draft), location: location))
      return .slot(slot)
    }
  }
}

extension DraftTerm {
  /// Whether it is a document, or a part of one, which may be missing without harm.
  fileprivate var isDocument: Bool {
    switch self {
    case .input, .base, .rule, .slot: true
    case .lookup(let head, _): head.isDocument
    default: false
    }
  }
}
