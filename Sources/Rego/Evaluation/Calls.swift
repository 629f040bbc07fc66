/// A call of a function that is built in.
final class BuiltinCall: Node {
  private let builtin: Builtin
  private let arguments: [any Node]

  init(_ builtin: Builtin, _ arguments: [any Node]) { (self.builtin, self.arguments) = (builtin, arguments) }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try Slots.with(arguments.count) { values in
      guard try arguments.fill(values, evaluation, slots) else { return nil }
      for index in 0..<values.count { try evaluation.context.spend(1 + values[index].lookCost) }
      return try builtin.apply(values, evaluation.context)?.bounded()
    }
  }
}

/// A call of a function of the policy.
final class FunctionCall: Node {
  private let rule: Int
  private let arguments: [any Node]

  init(_ rule: Int, _ arguments: [any Node]) { (self.rule, self.arguments) = (rule, arguments) }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try Slots.with(arguments.count) { values in
      guard try arguments.fill(values, evaluation, slots) else { return nil }
      return try evaluation.complete(evaluation.program.rules[rule], values)
    }
  }
}

extension [any Node] {
  /// - Returns: whether all are defined.
  fileprivate func fill(_ values: Slots, _ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    for index in indices {
      guard let value = try self[index].value(evaluation, slots) else { return false }
      values[index] = value
    }
    return true
  }
}

extension Value {
  /// What it costs to look at the whole of it, as most functions do.
  fileprivate var lookCost: Int {
    switch self {
    case .null, .bool, .number: 0
    case .string(let text): text.utf8.count / 64
    case .array(let array): array.extent.count / 16
    case .object(let object): object.extent.count / 16
    case .set(let set): set.extent.count / 16
    }
  }
}
