/// A function that Rego has built in (openpolicyagent.org/docs/policy-reference/builtins).
struct Builtin: Sendable {
  let name: String
  let arity: Int
  /// `nil`: undefined, as for every argument that it makes no sense of.
  let apply: @Sendable (Slots, BuiltinContext) throws -> Value?

  /// Is undefined for any other number of arguments.
  init(
    _ name: String, _ arity: Int, _ apply: @escaping @Sendable (Slots, BuiltinContext) throws -> Value?
  ) {
    self.name = name
    self.arity = arity
    self.apply = { arguments, context in
      guard arguments.count == arity else { return nil }
      try context.spend(1)
      return try apply(arguments, context)
    }
  }

  /// A function whose arguments do not matter.
  private init(name: String, always value: Value) {
    self.name = name
    arity = 1
    apply = { _, _ in value }
  }

  /// Nothing is printed: nobody reads what a policy says.
  static let silent = ["print", "trace"].map { Builtin(name: $0, always: true) }
}

extension Builtin {
  /// A function of a string.
  static func text(
    _ name: String, _ apply: @escaping @Sendable (String, BuiltinContext) throws -> Value?
  ) -> Builtin {
    Builtin(name, 1) { arguments, context in
      guard let text = arguments[0].text else { return nil }
      return try apply(text, context)
    }
  }

  /// A function of two strings.
  static func texts(
    _ name: String, _ apply: @escaping @Sendable (String, String, BuiltinContext) throws -> Value?
  ) -> Builtin {
    Builtin(name, 2) { arguments, context in
      guard let first = arguments[0].text, let second = arguments[1].text else { return nil }
      return try apply(first, second, context)
    }
  }
}

enum Builtins {
  static func named(_ name: String) -> Builtin? { all[name] }

  private static let all: [String: Builtin] = {
    let lists: [[Builtin]] = [
      comparison, arithmetic, rounding, bits, ranges, aggregates, sets, arrays, objects, paths, strings, slices,
      replacing, matching, globs, types, encoding, queries, documents, units, versions, times, networks,
      Builtin.silent,
    ]
    return Dictionary(lists.joined().map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }()
}

/// An evaluation took more than it may.
struct BudgetExceeded: Error {}

/// What functions know of the evaluation that calls them.
final class BuiltinContext {
  /// Nanoseconds since 1970, the same for the whole evaluation.
  let now: Int
  @exclusivity(unchecked) private var budget: Int
  private let end: ContinuousClock.Instant
  /// Where the clock is asked next.
  @exclusivity(unchecked) private var mark: Int
  private let expressions: SearchExpressions

  init(_ limits: EvaluationLimits, _ expressions: SearchExpressions) {
    self.expressions = expressions
    now = limits.now
    budget = limits.steps
    end = .now + limits.time
    mark = limits.steps - Self.stride
  }

  private static let stride = 16_384

  /// Takes steps from the budget.
  func spend(_ steps: Int) throws {
    guard steps >= 0, steps <= budget else { throw BudgetExceeded() }
    budget -= steps
    if budget < mark { try checkTime() }
  }

  @inline(never)
  private func checkTime() throws {
    guard ContinuousClock.now < end else { throw BudgetExceeded() }
    mark = budget - Self.stride
  }

  /// Takes what a text of so many bytes costs, before it is made.
  func spend(bytes: Int) throws {
    guard bytes >= 0, bytes <= Self.longestText else { throw BudgetExceeded() }
    try spend(bytes / 64)
  }

  /// Takes what it costs to compare two values to the end.
  func spend(comparing left: Value, _ right: Value) throws {
    try spend(min(left.extent.count, right.extent.count) - 1)
  }

  /// Takes what it costs to make a set of values, or an object with them for keys.
  func spend(sorting values: [Value]) throws {
    let extent = Extent(of: values)
    guard extent.isBounded else { throw BudgetExceeded() }
    try spend(extent.count / 8 * (Int.bitWidth - values.count.leadingZeroBitCount))
  }

  static let longestText = 16 << 20

  /// A compiled expression; `nil` when it is none.
  func expression(_ pattern: String) throws -> SearchExpression? {
    let key = pattern.bytes
    return try expressions.expression(key) {
      try spend(bytes: key.count * 64)
      return SearchExpression(pattern)
    }
  }
}
