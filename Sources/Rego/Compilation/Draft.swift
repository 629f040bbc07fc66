/// A term whose names are resolved; what is known when is not decided yet.
indirect enum DraftTerm {
  case constant(Value)
  case slot(Int)
  case input
  case base([String])
  case rule(Int)
  case lookup(DraftTerm, [DraftTerm])
  case array([DraftTerm])
  case object([(key: DraftTerm, value: DraftTerm)])
  case set([DraftTerm])
  case comprehension(Closure)
  case builtin(Builtin, [DraftTerm])
  case function(Int, [DraftTerm])

  /// A body with a scope of its own.
  final class Closure {
    enum Head {
      case array(DraftTerm)
      case set(DraftTerm)
      case object(DraftTerm, DraftTerm)
      case none
    }

    let head: Head
    let steps: [DraftStep]
    /// Variables that belong to it alone.
    let own: Set<Int>
    let location: Location

    init(head: Head, steps: [DraftStep], own: Set<Int>, location: Location) {
      (self.head, self.steps, self.own, self.location) = (head, steps, own, location)
    }

    /// Variables of the scopes around it.
    private(set) lazy var free: Set<Int> = {
      var slots: Set<Int> = []
      for step in steps { slots.formUnion(step.slots) }
      switch head {
      case .array(let term), .set(let term): slots.formUnion(term.slots)
      case .object(let key, let value): slots.formUnion(key.slots.union(value.slots))
      case .none: break
      }
      return slots.subtracting(own)
    }()
  }

  /// All variables that it needs.
  var slots: Set<Int> {
    switch self {
    case .constant, .input, .base, .rule: []
    case .slot(let slot): [slot]
    case .lookup(let head, let path): path.reduce(into: head.slots) { $0.formUnion($1.slots) }
    case .array(let terms), .set(let terms), .builtin(_, let terms), .function(_, let terms):
      terms.reduce(into: []) { $0.formUnion($1.slots) }
    case .object(let entries): entries.reduce(into: []) { $0.formUnion($1.key.slots.union($1.value.slots)) }
    case .comprehension(let closure): closure.free
    }
  }
}

/// A statement, or a part of one, whose place in the order is not decided yet.
struct DraftStep {
  indirect enum Content {
    case test(DraftTerm)
    case unify(DraftTerm, DraftTerm)
    case iterate(DraftTerm, [DraftTerm], DraftTerm)
    case member(key: DraftTerm?, value: DraftTerm, DraftTerm)
    case walk(DraftTerm, DraftTerm)
    /// - own: variables that stand for parts of it.
    case not([DraftStep], own: Set<Int>)
    case every(key: Int?, value: Int, DraftTerm, DraftTerm.Closure)
    case with([(target: [String], value: DraftTerm)], [DraftStep])
  }

  var content: Content
  var location: Location

  /// All variables in it but its own.
  var slots: Set<Int> {
    switch content {
    case .test(let term): term.slots
    case .unify(let left, let right), .walk(let left, let right): left.slots.union(right.slots)
    case .iterate(let head, let path, let result):
      path.reduce(into: head.slots.union(result.slots)) { $0.formUnion($1.slots) }
    case .member(let key, let value, let collection):
      (key?.slots ?? []).union(value.slots).union(collection.slots)
    case .not(let steps, let own): Self.slots(steps).subtracting(own)
    case .every(_, _, let collection, let closure): collection.slots.union(closure.free)
    case .with(let changes, let steps):
      changes.reduce(into: Self.slots(steps)) { $0.formUnion($1.value.slots) }
    }
  }

  private static func slots(_ steps: [DraftStep]) -> Set<Int> {
    steps.reduce(into: []) { $0.formUnion($1.slots) }
  }
}
