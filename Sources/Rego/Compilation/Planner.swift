/// Puts the steps of a body in an order in which each knows what it needs: the first that can be done comes next, as OPA
/// has it.
struct Planner {
  /// The names of variables, for messages.
  let names: [String]
  let work: Work
  let inputPaths: InputPaths

  /// Counts what planning a whole program takes.
  final class Work {
    private var left = 2_000_000

    func spend(_ location: Location) throws(RegoError) {
      left -= 1
      guard left > 0 else { throw RegoError("the policy is too large or too intricate", location) }
    }
  }

  /// - Parameter bound: what is known before; then also what is known after.
  func plan(_ steps: [DraftStep], bound: inout Set<Int>) throws(RegoError) -> Plan {
    var left = steps
    var planned: [Step] = []
    while !left.isEmpty {
      var isStuck = true
      for index in left.indices {
        try work.spend(left[index].location)
        guard let step = try step(left[index], &bound) else { continue }
        planned.append(step)
        left.remove(at: index)
        isStuck = false
        break
      }
      if isStuck { throw unsafe(left, bound) }
    }
    return Plan(planned)
  }

  private func unsafe(_ steps: [DraftStep], _ bound: Set<Int>) -> RegoError {
    unsafe(steps[0].slots.subtracting(bound), steps[0].location)
  }

  func unsafe(_ unknown: Set<Int>, _ location: Location) -> RegoError {
    // One without a name is not worth to be told when there are others.
    let names = unknown.map { self.names[$0] }.filter { !$0.isEmpty && !$0.hasPrefix("$") }
    return RegoError("var \(names.min() ?? "_") is unsafe", location)
  }

  /// - Returns: `nil` when something that it needs is not known yet.
  private func step(_ draft: DraftStep, _ bound: inout Set<Int>) throws(RegoError) -> Step? {
    switch draft.content {
    case .test(let term): return try node(term, bound).map { .check(Test($0)) }
    case .unify(let left, let right):
      for (target, source) in [(left, right), (right, left)] {
        guard fits(target, bound), let node = try node(source, bound), let pattern = try pattern(target, &bound) else {
          continue
        }
        return .check(Match(pattern, node))
      }
      return nil
    case .iterate(let head, let path, let result):
      guard (path + [result]).allSatisfy({ fits($0, bound) }), let node = try node(head, bound) else { return nil }
      var known = bound
      var patterns: [any Pattern] = []
      for part in path {
        guard let pattern = try pattern(part, &known) else { return nil }
        patterns.append(pattern)
      }
      guard let last = try pattern(result, &known) else { return nil }
      bound = known
      // What is known of the path is looked up once.
      let start = patterns.prefix { $0 is Equal }
      let head = lookup(node, start.compactMap { ($0 as? Equal)?.node })
      return .search(Iterate(head, Array(patterns.dropFirst(start.count)), last))
    case .member(let key, let value, let collection):
      guard fits(value, bound), key.map({ fits($0, bound) }) ?? true, let node = try node(collection, bound) else {
        return nil
      }
      var known = bound
      var keyPattern: (any Pattern)?
      if let key {
        keyPattern = try pattern(key, &known)
        if keyPattern == nil { return nil }
      }
      guard let valuePattern = try pattern(value, &known) else { return nil }
      bound = known
      return .search(Member(key: keyPattern, value: valuePattern, node))
    case .walk(let value, let result):
      guard fits(result, bound), let node = try node(value, bound), let pattern = try pattern(result, &bound) else {
        return nil
      }
      return .search(Walk(node, pattern))
    case .not(let steps, _):
      guard draft.slots.isSubset(of: bound) else { return nil }
      var inner = bound
      return .check(Not(try plan(steps, bound: &inner)))
    case .every(let key, let value, let collection, let closure):
      guard closure.free.isSubset(of: bound), let node = try node(collection, bound) else { return nil }
      var inner = bound.union(key.map { [$0] } ?? []).union([value])
      return .check(Every(key: key, value: value, node, try plan(closure.steps, bound: &inner)))
    case .with(let changes, let steps):
      var values: [(target: [String], value: any Node)] = []
      for change in changes {
        guard let node = try node(change.value, bound) else { return nil }
        values.append((change.target, node))
      }
      var known = bound
      guard let plan = try? plan(steps, bound: &known) else { return nil }
      bound = known
      return .search(With(values, plan))
    }
  }

  /// - Returns: `nil` when a variable of it is not known.
  func node(_ draft: DraftTerm, _ bound: Set<Int>) throws(RegoError) -> (any Node)? {
    // Before anything is planned in vain.
    guard draft.slots.isSubset(of: bound) else { return nil }
    return try known(draft, bound)
  }

  private func known(_ draft: DraftTerm, _ bound: Set<Int>) throws(RegoError) -> (any Node)? {
    switch draft {
    case .constant(let value): return Constant(value)
    case .slot(let slot): return bound.contains(slot) ? Variable(slot) : nil
    case .input: return Input()
    case .base(let path): return Base(path)
    case .rule(let rule): return Ask(rule)
    case .lookup(let head, let path):
      guard let head = try known(head, bound), let path = try nodes(path, bound) else { return nil }
      return lookup(head, path)
    case .array(let terms): return try nodes(terms, bound).map(MakeArray.init)
    case .set(let terms): return try nodes(terms, bound).map(MakeSet.init)
    case .object(let entries):
      guard let keys = try nodes(entries.map(\.key), bound), let values = try nodes(entries.map(\.value), bound) else {
        return nil
      }
      return MakeObject(zip(keys, values).map { (key: $0, value: $1) })
    case .builtin(let builtin, let arguments): return try nodes(arguments, bound).map { BuiltinCall(builtin, $0) }
    case .function(let function, let arguments): return try nodes(arguments, bound).map { FunctionCall(function, $0) }
    case .comprehension(let closure): return try comprehension(closure, bound)
    }
  }

  /// What a path leads to. Where constants lead to from the input on is looked up once in an evaluation.
  private func lookup(_ head: any Node, _ path: [any Node]) -> any Node {
    let constants = path.prefix { $0 is Constant }.compactMap { ($0 as? Constant)?.value }
    let rest = Array(path.dropFirst(constants.count))
    let start: any Node =
      if constants.isEmpty { head } else if head is Input, let place = inputPaths.place(of: constants) {
        InputLookup(place, constants)
      } else {
        ConstantLookup(head, constants)
      }
    return rest.isEmpty ? start : Lookup(start, rest)
  }

  private func nodes(_ drafts: [DraftTerm], _ bound: Set<Int>) throws(RegoError) -> [any Node]? {
    var nodes: [any Node] = []
    for draft in drafts {
      guard let node = try known(draft, bound) else { return nil }
      nodes.append(node)
    }
    return nodes
  }

  private func comprehension(_ closure: DraftTerm.Closure, _ bound: Set<Int>) throws(RegoError) -> (any Node)? {
    guard closure.free.isSubset(of: bound) else { return nil }
    var inner = bound
    let plan = try plan(closure.steps, bound: &inner)
    func head(_ term: DraftTerm) throws(RegoError) -> any Node {
      guard let node = try node(term, inner) else {
        throw unsafe([DraftStep(content: .test(term), location: closure.location)], inner)
      }
      return node
    }
    switch closure.head {
    case .array(let term): return ArrayComprehension(try head(term), plan)
    case .set(let term): return SetComprehension(try head(term), plan)
    case .object(let key, let value):
      return ObjectComprehension(key: try head(key), value: try head(value), plan, closure.location)
    case .none: return nil
    }
  }

  /// Whether what is unknown in a term may become known by it; parts of it may yet need each other.
  private func fits(_ draft: DraftTerm, _ bound: Set<Int>) -> Bool {
    switch draft {
    case .slot: true
    case .array(let terms): terms.allSatisfy { fits($0, bound) }
    case .object(let entries): entries.allSatisfy { $0.key.slots.isSubset(of: bound) && fits($0.value, bound) }
    default: draft.slots.isSubset(of: bound)
    }
  }

  /// What a term is as a pattern: what is unknown in it becomes known.
  func pattern(_ draft: DraftTerm, _ bound: inout Set<Int>) throws(RegoError) -> (any Pattern)? {
    switch draft {
    case .slot(let slot):
      guard bound.insert(slot).inserted else { return Equal(Variable(slot)) }
      // A variable without a name stands once, and nobody reads it.
      return names[slot].hasPrefix("$") ? Anything() : Bind(slot)
    case .array(let terms) where !draft.slots.isSubset(of: bound):
      var known = bound
      var patterns: [any Pattern] = []
      for term in terms {
        guard let pattern = try pattern(term, &known) else { return nil }
        patterns.append(pattern)
      }
      bound = known
      return ArrayPattern(patterns)
    case .object(let entries) where !draft.slots.isSubset(of: bound):
      var known = bound
      var patterns: [(key: any Node, value: any Pattern)] = []
      for entry in entries {
        guard let key = try node(entry.key, bound), let value = try pattern(entry.value, &known) else { return nil }
        patterns.append((key, value))
      }
      bound = known
      return ObjectPattern(patterns)
    default: return try node(draft, bound).map(Equal.init)
    }
  }
}
