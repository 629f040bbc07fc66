/// The names that stand in statements and terms, for scopes to be made of.
struct Names {
  /// Names of variables outside of bodies within, in the order of the text.
  private(set) var names: [String] = []
  /// Also those within.
  private(set) var all: Set<String> = []

  mutating func add(_ statement: Statement) {
    switch statement.content {
    case .term(let term): add(term)
    case .unify(let left, let right), .assign(let left, let right):
      add(left)
      add(right)
    case .not(let inner): add(inner)
    case .some: break
    case .someIn(let key, let value, let collection):
      if let key { add(key) }
      add(value)
      add(collection)
    case .every(let key, let value, let collection, let body):
      add(collection)
      add(body, heads: [], declared: Set([value] + (key.map { [$0] } ?? [])))
    }
    for change in statement.changes { add(change.value) }
  }

  mutating func add(_ term: Term) {
    switch term.content {
    case .constant: break
    case .variable(let name):
      all.insert(name)
      names.append(name)
    case .reference(let head, let path):
      add(head)
      for part in path { add(part) }
    case .array(let terms), .set(let terms), .call(_, let terms): for term in terms { add(term) }
    case .object(let entries):
      for entry in entries {
        add(entry.key)
        add(entry.value)
      }
    case .arrayComprehension(let head, let body), .setComprehension(let head, let body): add(body, heads: [head])
    case .objectComprehension(let key, let value, let body): add(body, heads: [key, value])
    }
  }

  /// A body within. What it declares before it uses it has nothing to do with the names around it.
  private mutating func add(_ body: [Statement], heads: [Term], declared: Set<String> = []) {
    var (inner, declared) = (Names(), declared)
    for statement in body {
      inner.add(statement.withoutTargets)
      all.formUnion(inner.all.subtracting(declared))
      inner.all.removeAll()
      declared.formUnion(statement.targets)
    }
    for head in heads { inner.add(head) }
    all.formUnion(inner.all.subtracting(declared))
  }

  static func isVariable(_ term: Term) -> Bool {
    if case .variable = term.content { return true }
    return false
  }

  /// The variables that a pattern gives values to: keys of objects and parts of references are none.
  static func targets(of term: Term) -> [String] {
    switch term.content {
    case .variable(let name): [name]
    case .array(let terms): terms.flatMap(targets)
    case .object(let entries): entries.flatMap { targets(of: $0.value) }
    default: []
    }
  }
}

extension Statement {
  /// The names that it declares.
  var targets: [String] {
    switch content {
    case .some(let names): names
    case .assign(let left, _): Names.targets(of: left)
    case .someIn(let key, let value, _): (key.map(Names.targets) ?? []) + Names.targets(of: value)
    default: []
    }
  }

  /// Without what declares names alone; patterns of a declaration keep their other parts.
  fileprivate var withoutTargets: Statement {
    var other = self
    switch content {
    case .assign(let left, let right) where Names.isVariable(left): other.content = .term(right)
    case .someIn(let key, let value, let collection) where key.map(Names.isVariable) ?? true && Names.isVariable(value):
      other.content = .term(collection)
    default: break
    }
    return other
  }
}
