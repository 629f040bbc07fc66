/// A rule of a program; a class, so that to evaluate it copies nothing of it.
final class EvaluatedRule: Sendable {
  let kind: Rule.Kind
  /// Whether it is a function.
  let isFunction: Bool
  let defaultValue: (any Node)?
  let defaultSlots: Int
  let bodies: [CompiledRule.Body]
  let isConstant: Bool
  let location: Location

  init(_ compiled: CompiledRule) {
    kind = compiled.kind
    isFunction = compiled.arity != nil
    (defaultValue, defaultSlots) = (compiled.defaultValue, compiled.defaultSlots)
    (bodies, isConstant, location) = (compiled.bodies, compiled.isConstant, compiled.location)
  }
}

/// All rules of one name.
struct CompiledRule: Sendable {
  /// A class, so that to evaluate one copies nothing of it.
  final class Body: Sendable {
    let slots: Int
    /// Of functions.
    let arguments: [any Pattern]
    let plan: Plan
    let key: (any Node)?
    let value: any Node
    /// What follows `else`.
    let alternatives: [(plan: Plan, value: any Node)]

    init(
      slots: Int, arguments: [any Pattern], plan: Plan, key: (any Node)?, value: any Node,
      alternatives: [(plan: Plan, value: any Node)]
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
  var defaultValue: (any Node)?
  /// The variables within the default.
  var defaultSlots = 0
  var bodies: [Body] = []
  /// Whether every solution has the same value, so that one is enough.
  var isConstant = false
  var location: Location
}
