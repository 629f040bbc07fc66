/// A term whose variables are all known when it is computed; it has one value, or none.
indirect enum Node: Sendable {
  case constant(Value)
  case slot(Int)
  case input
  /// Documents that come from outside, below `data`.
  case base([String])
  /// What a rule says, by its number.
  case rule(Int)
  case lookup(Node, [Node])
  case array([Node])
  case object([(key: Node, value: Node)])
  case set([Node])
  case arrayOf(Node, Plan)
  case setOf(Node, Plan)
  case objectOf(key: Node, value: Node, Plan, Location)
  case builtin(Builtin, [Node])
  case function(Int, [Node])
}

/// What a value is compared with, and which variables become known by it.
indirect enum Pattern: Sendable {
  case bind(Int)
  case equal(Node)
  case array([Pattern])
  case object([(key: Node, value: Pattern)])
}

/// A step of a body. Each has as many outcomes as it has solutions; what comes behind it is done for each.
indirect enum Step: Sendable {
  case test(Node)
  case match(Pattern, Node)
  /// Everything below a value that a path of patterns leads to.
  case iterate(Node, [Pattern], Pattern)
  case member(key: Pattern?, value: Pattern, Node)
  /// Each path below a value, and what is there.
  case walk(Node, Pattern)
  case not(Plan)
  case every(key: Int?, value: Int, Node, Plan)
  case with([(target: [String], value: Node)], Plan)
}

/// Steps in an order in which each knows what it needs.
struct Plan: Sendable {
  var steps: [Step]
}

/// A rule of a program; a class, so that to evaluate it copies nothing of it.
final class EvaluatedRule: Sendable {
  let compiled: CompiledRule

  init(_ compiled: CompiledRule) { self.compiled = compiled }
}

/// All rules of one name.
struct CompiledRule: Sendable {
  /// A class, so that to evaluate one copies nothing of it.
  final class Body: Sendable {
    let slots: Int
    /// Of functions.
    let arguments: [Pattern]
    let plan: Plan
    let key: Node?
    let value: Node
    /// What follows `else`.
    let alternatives: [(plan: Plan, value: Node)]

    init(
      slots: Int, arguments: [Pattern], plan: Plan, key: Node?, value: Node,
      alternatives: [(plan: Plan, value: Node)]
    ) {
      self.slots = slots
      self.arguments = arguments
      self.plan = plan
      self.key = key
      self.value = value
      self.alternatives = alternatives
    }
  }

  var name: String
  var kind: Rule.Kind
  /// `nil` for what is no function.
  var arity: Int?
  var defaultValue: Node?
  /// The variables within the default.
  var defaultSlots = 0
  var bodies: [Body] = []
  /// Whether every solution has the same value, so that one is enough.
  var isConstant = false
  var location: Location
}
