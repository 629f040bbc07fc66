/// The names that stand in statements and terms, for scopes to be made of.
struct Names {
  /// Names of variables outside of bodies within, in the order of the text.
  private(set) var names: [String] = []
  /// Also those within.
  private(set) var all: Set<String> = []
  private var depth = 0

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
    case .every(_, _, let collection, let body):
      add(collection)
      within { names in for statement in body { names.add(statement) } }
    }
    for change in statement.changes { add(change.value) }
  }

  mutating func add(_ term: Term) {
    switch term.content {
    case .constant: break
    case .variable(let name):
      all.insert(name)
      if depth == 0 { names.append(name) }
    case .reference(let head, let path):
      add(head)
      for part in path { add(part) }
    case .array(let terms), .set(let terms), .call(_, let terms): for term in terms { add(term) }
    case .object(let entries):
      for entry in entries {
        add(entry.key)
        add(entry.value)
      }
    case .arrayComprehension(let head, let body), .setComprehension(let head, let body):
      within { names in
        names.add(head)
        for statement in body { names.add(statement) }
      }
    case .objectComprehension(let key, let value, let body):
      within { names in
        names.add(key)
        names.add(value)
        for statement in body { names.add(statement) }
      }
    }
  }

  private mutating func within(_ body: (inout Names) -> Void) {
    depth += 1
    body(&self)
    depth -= 1
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
