/// One evaluation. Not thread-safe.
final class Evaluation {
  private enum Memo {
    case unknown
    case known(Value?)
  }

  let program: Program
  let input: Value?
  let data: Value
  let context: BuiltinContext
  let stack: Stack
  @exclusivity(unchecked) private var memos: [Memo]
  /// What paths below the input lead to.
  @exclusivity(unchecked) private var inputs: [Memo]

  init(_ program: Program, input: Value?, data: Value, limits: EvaluationLimits) {
    (self.program, self.input, self.data) = (program, input, data)
    context = BuiltinContext(limits, program.expressions)
    stack = Stack()
    memos = [Memo](repeating: .unknown, count: program.rules.count)
    inputs = [Memo](repeating: .unknown, count: program.inputPaths)
  }

  private init(_ other: Evaluation, input: Value?, data: Value) {
    (program, self.input, self.data) = (other.program, input, data)
    (context, stack) = (other.context, other.stack)
    memos = [Memo](repeating: .unknown, count: program.rules.count)
    inputs = [Memo](repeating: .unknown, count: program.inputPaths)
  }

  /// The same with other documents; what was found out by these does not count.
  func with(input: Value?, data: Value) -> Evaluation { Evaluation(self, input: input, data: data) }

  func input(below path: [Value], _ place: Int) -> Value? {
    if case .known(let value) = inputs[place] { return value }
    let value = input?[path: path]
    inputs[place] = .known(value)
    return value
  }

  func value(ofRule place: Int) throws -> Value? {
    if case .known(let value) = memos[place] { return value }
    let rule = program.rules[place]
    let value =
      switch rule.kind {
      case .complete: try Slots.with(0) { try complete(rule, $0) }
      case .set: try set(rule)
      case .object: try object(rule)
      }
    memos[place] = .known(value)
    return value
  }

  private func set(_ rule: EvaluatedRule) throws -> Value? {
    var members: [Value] = []
    for body in rule.bodies {
      guard let key = body.key else { continue }
      members += try Slots.with(body.slots) { try body.plan.values(of: key, self, $0) }
    }
    return try set(members)
  }

  func set(_ members: [Value]) throws -> Value {
    try context.spend(sorting: members)
    return .set(SetValue(members))
  }

  private func object(_ rule: EvaluatedRule) throws -> Value? {
    var entries: [(Value, Value)] = []
    for body in rule.bodies {
      guard let key = body.key else { continue }
      entries += try Slots.with(body.slots) { try body.plan.entries(key, body.value, self, $0) }
    }
    return try object(entries, unique: rule.location)
  }

  /// - Parameter location: of what may not have two values for a key; `nil` when the last counts.
  func object(_ entries: [(Value, Value)], unique location: Location?) throws -> Value {
    try context.spend(sorting: entries.map(\.0))
    let object = ObjectValue(entries)
    if let location, object.count < entries.count {
      for (key, value) in entries {
        guard let kept = object[key] else { continue }
        if try !same(kept, value) { throw EvaluationError.conflict("object keys must be unique", location) }
      }
    }
    return try Value.object(object).bounded()
  }

  /// The value of a complete rule or of a function. All bodies have to agree.
  func complete(_ rule: EvaluatedRule, _ arguments: Slots) throws -> Value? {
    try stack.check()
    var result: Value?
    for body in rule.bodies {
      try context.spend(1 + body.slots / 64)
      guard let own = try value(of: body, of: rule, arguments, besides: result) else { continue }
      result = result ?? own
      if rule.isConstant { break }
    }
    if result == nil, let value = rule.defaultValue {
      return try Slots.with(rule.defaultSlots) { try value.value(self, $0) }
    }
    return result
  }

  /// - Parameter other: what another body said.
  private func value(
    of body: CompiledRule.Body, of rule: EvaluatedRule, _ arguments: Slots, besides other: Value?
  ) throws -> Value? {
    try Slots.with(body.slots) { slots in
      for index in body.arguments.indices {
        guard try body.arguments[index].match(arguments[index], self, slots) else { return nil }
      }
      if rule.isConstant { return try constant(body, slots) }
      var own: Value?
      func add(_ node: any Node) throws -> Bool {
        guard let found = try node.value(self, slots) else { return true }
        if let known = own ?? other, try !same(known, found) {
          throw EvaluationError.conflict(
            rule.isFunction
              ? "functions must not produce multiple outputs for same inputs"
              : "complete rules must not produce multiple outputs", rule.location)
        }
        own = own ?? found
        return true
      }
      try body.plan.run(self, slots) { try add(body.value) }
      for alternative in body.alternatives where own == nil {
        try alternative.plan.run(self, slots) { try add(alternative.value) }
      }
      return own
    }
  }

  /// What all solutions have for a value.
  private func constant(_ body: CompiledRule.Body, _ slots: Slots) throws -> Value? {
    if try body.plan.hasSolution(self, slots) { return try body.value.value(self, slots) }
    for alternative in body.alternatives where try alternative.plan.hasSolution(self, slots) {
      return try alternative.value.value(self, slots)
    }
    return nil
  }

  func same(_ left: Value, _ right: Value) throws -> Bool {
    try context.spend(comparing: left, right)
    return left == right
  }
}
