/// Compiles one rule.
struct BodyCompiler {
  let compiler: Compiler
  let package: [String]
  let imports: [String: [String]]
  /// Names of the slots, for messages; those of parts of statements are empty.
  private(set) var names: [String] = []
  /// Rules that it asks.
  var used: Set<Int> = []
  /// Whether no variable becomes known here, as within `not`.
  var isClosed = false

  init(_ compiler: Compiler, package: [String], imports: [String: [String]]) {
    (self.compiler, self.package, self.imports) = (compiler, package, imports)
  }

  mutating func makeSlot(_ name: String = "") -> Int {
    names.append(name)
    return names.count - 1
  }

  private var planner: Planner { Planner(names: names, work: compiler.work, inputPaths: compiler.inputPaths) }

  mutating func defaultValue(of rule: Rule) throws(RegoError) -> any Node {
    guard let value = rule.value else { return Constant(true) }
    guard value.isConstant else { throw RegoError("the value of a default has to be a constant", value.location) }
    guard Set(rule.argumentNames).count == rule.argumentNames.count else {
      throw RegoError("an argument of a default stands twice", rule.location)
    }
    return try headNode(value, Scope(in: nil), bound: [], steps: []).node
  }

  mutating func compile(_ rule: Rule) throws(RegoError) -> CompiledRule.Body {
    let scope = Scope(in: nil)
    var arguments: [any Pattern] = []
    var bound: Set<Int> = []
    for argument in rule.arguments ?? [] {
      for name in Names.targets(of: argument) where scope.slot(of: name) == nil { scope.add(name, makeSlot(name)) }
      var before: [DraftStep] = []
      let draft = try term(argument, scope, &before)
      guard before.isEmpty, let pattern = try planner.pattern(draft, &bound) else {
        throw RegoError("an argument of a function has to be a pattern", argument.location)
      }
      arguments.append(pattern)
    }
    let argumentsKnown = bound
    let heads = [rule.key, rule.value].compactMap { $0 }
    let (steps, bodyScope) = try draft(rule.body, heads: heads, in: scope, arguments: Set(rule.argumentNames))
    var keyNode: (any Node)?
    var before = steps
    var keyDraft: DraftTerm?
    if let key = rule.key { keyDraft = try term(key, bodyScope, &before) }
    let valueDraft = try rule.value.map { value throws(RegoError) in try term(value, bodyScope, &before) }
    let plan = try planner.plan(before, bound: &bound)
    if let keyDraft { keyNode = try known(keyDraft, bound, rule.key?.location ?? rule.location) }
    let value = try valueDraft.map { draft throws(RegoError) in
      try known(draft, bound, rule.value?.location ?? rule.location)
    }
    var alternatives: [(plan: Plan, value: any Node)] = []
    for alternative in rule.alternatives {
      let heads = [alternative.value].compactMap { $0 }
      let (steps, inner) = try draft(alternative.body, heads: heads, in: scope, arguments: Set(rule.argumentNames))
      guard let value = alternative.value else {
        var bound = argumentsKnown
        alternatives.append((try planner.plan(steps, bound: &bound), Constant(true)))
        continue
      }
      let head = try headNode(value, inner, bound: argumentsKnown, steps: steps)
      alternatives.append((head.plan, head.node))
    }
    return CompiledRule.Body(
      slots: names.count, arguments: arguments, plan: plan, key: keyNode, value: value ?? Constant(true),
      alternatives: alternatives)
  }

  private mutating func headNode(
    _ value: Term, _ scope: Scope, bound: Set<Int>, steps: [DraftStep]
  ) throws(RegoError) -> (plan: Plan, node: any Node) {
    var (steps, bound) = (steps, bound)
    let draft = try term(value, scope, &steps)
    let plan = try planner.plan(steps, bound: &bound)
    return (plan, try known(draft, bound, value.location))
  }

  private func known(_ draft: DraftTerm, _ bound: Set<Int>, _ location: Location) throws(RegoError) -> any Node {
    if let node = try planner.node(draft, bound) { return node }
    throw planner.unsafe(draft.slots.subtracting(bound), location)
  }

  // MARK: Bodies

  /// - Parameter heads: what is made of each solution.
  mutating func draft(
    _ body: [Statement], heads: [Term], in parent: Scope?, arguments: Set<String> = []
  ) throws(RegoError) -> ([DraftStep], Scope) {
    let scope = Scope(in: parent)
    try declare(body, scope, arguments)
    var names = Names()
    for statement in body { names.add(statement) }
    for head in heads { names.add(head) }
    for name in names.names where scope.slot(of: name) == nil && !isGlobal(name) {
      scope.add(name, makeSlot(name))
    }
    var steps: [DraftStep] = []
    for statement in body { try add(statement, scope, &steps) }
    return (steps, scope)
  }

  /// Declares what `some` and `:=` declare. What stands before them must not use it.
  private mutating func declare(
    _ body: [Statement], _ scope: Scope, _ arguments: Set<String>
  ) throws(RegoError) {
    var seen = Names()
    for statement in body {
      let targets = statement.targets
      if case .assign(let left, let right) = statement.content {
        seen.add(right)
        guard !targets.isEmpty || Self.isPattern(left) else {
          throw RegoError("cannot assign to this term", left.location)
        }
      }
      for name in targets {
        guard name != "input", name != "data" else {
          throw RegoError("variables must not shadow \(name)", statement.location)
        }
        if !scope.declared.contains(name), seen.all.contains(name) {
          throw RegoError("var \(name) referenced above", statement.location)
        }
        guard !arguments.contains(name), scope.declare(name, makeSlot(name)) else {
          throw RegoError("var \(name) assigned above", statement.location)
        }
      }
      // What it declares itself it may use, too: only what stands above counts.
      seen.add(statement)
    }
  }

  private static func isPattern(_ term: Term) -> Bool {
    switch term.content {
    case .array, .object: true
    default: false
    }
  }

  /// Whether a name that no scope has means something to the module.
  func isGlobal(_ name: String) -> Bool {
    name == "input" || name == "data" || imports[name] != nil || compiler.place(of: name, in: package) != nil
  }

  // MARK: Statements

  mutating func add(
    _ statement: Statement, _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) {
    guard statement.changes.isEmpty else {
      var changes: [(target: [String], value: DraftTerm)] = []
      for change in statement.changes {
        if change.target[0] == "data", !compiler.bases.contains(where: { change.target.dropFirst().starts(with: $0) }) {
          throw RegoError("'with' on rules and functions is not supported", change.location)
        }
        changes.append((change.target, try term(change.value, scope, &steps)))
      }
      var inner: [DraftStep] = []
      var plain = statement
      plain.changes = []
      try add(plain, scope, &inner)
      steps.append(DraftStep(content: .with(changes, inner), location: statement.location))
      return
    }
    let location = statement.location
    switch statement.content {
    case .some: break
    case .term(let term): try addTest(term, scope, &steps)
    case .unify(let left, let right), .assign(let left, let right): try addUnify(left, right, scope, &steps)
    case .not(let inner): try addNot(inner, scope, &steps)
    case .someIn(let key, let value, let collection):
      let source = try term(collection, scope, &steps)
      let keyDraft = try key.map { key throws(RegoError) in try term(key, scope, &steps) }
      let valueDraft = try term(value, scope, &steps)
      steps.append(
        DraftStep(content: .member(key: keyDraft, value: valueDraft, source), location: location))
    case .every(let key, let value, let collection, let body):
      let source = try term(collection, scope, &steps)
      let inner = Scope(in: scope)
      let keySlot = key.map { makeSlot($0) }
      if let key, let keySlot { inner.add(key, keySlot) }
      let valueSlot = makeSlot(value)
      inner.add(value, valueSlot)
      let closure = try closure(body, heads: [], in: inner, location: location) { _, _, _ throws(RegoError) in .none }
      let whole = DraftTerm.Closure(
        head: .none, steps: closure.steps, own: closure.own.union(inner.own), location: location)
      steps.append(
        DraftStep(content: .every(key: keySlot, value: valueSlot, source, whole), location: location))
    }
  }

  mutating func addTest(_ tested: Term, _ scope: Scope, _ steps: inout [DraftStep]) throws(RegoError) {
    if case .call(let name, let arguments) = tested.content {
      if name == "walk", arguments.count == 2, compiler.place(of: name, in: package) == nil {
        let value = try term(arguments[0], scope, &steps)
        let result = try term(arguments[1], scope, &steps)
        steps.append(DraftStep(content: .walk(value, result), location: tested.location))
        return
      }
      // A function may be given a place for its result.
      if let arity = try arity(of: name, scope, tested.location), arguments.count == arity + 1 {
        let call = Term(.call(name, Array(arguments.dropLast())), tested.location)
        return try addUnify(arguments[arity], call, scope, &steps)
      }
    }
    let draft = try term(tested, scope, &steps)
    steps.append(DraftStep(content: .test(draft), location: tested.location))
  }

  private mutating func addUnify(
    _ left: Term, _ right: Term, _ scope: Scope, _ steps: inout [DraftStep]
  ) throws(RegoError) {
    if case .array(let lefts) = left.content, case .array(let rights) = right.content, lefts.count == rights.count {
      for (left, right) in zip(lefts, rights) { try addUnify(left, right, scope, &steps) }
      return
    }
    for (target, source) in [(left, right), (right, left)] {
      if case .call("walk", let arguments) = source.content, arguments.count == 1,
        compiler.place(of: "walk", in: package) == nil
      {
        let value = try term(arguments[0], scope, &steps)
        let result = try term(target, scope, &steps)
        steps.append(DraftStep(content: .walk(value, result), location: source.location))
        return
      }
      if case .reference = source.content, let (head, path) = try openReference(source, scope, &steps) {
        let result = try term(target, scope, &steps)
        steps.append(DraftStep(content: .iterate(head, path, result), location: source.location))
        return
      }
    }
    let leftDraft = try term(left, scope, &steps)
    let rightDraft = try term(right, scope, &steps)
    steps.append(DraftStep(content: .unify(leftDraft, rightDraft), location: left.location))
  }
}

extension Term {
  /// Whether it is the same whatever is asked; comprehensions count, as OPA has it.
  fileprivate var isConstant: Bool {
    switch content {
    case .constant, .arrayComprehension, .setComprehension, .objectComprehension: true
    case .array(let terms), .set(let terms): terms.allSatisfy(\.isConstant)
    case .object(let entries): entries.allSatisfy { $0.key.isConstant && $0.value.isConstant }
    case .call("set", let arguments): arguments.isEmpty
    case .variable, .reference, .call: false
    }
  }
}

extension Rule {
  /// The variables of a function's arguments.
  fileprivate var argumentNames: [String] { (arguments ?? []).flatMap(Names.targets) }
}
