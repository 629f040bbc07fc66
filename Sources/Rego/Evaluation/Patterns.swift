/// What a value is compared with, and which variables become known by it.
protocol Pattern: AnyObject, Sendable {
  func match(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) throws -> Bool
}

/// A variable that becomes known.
final class Bind: Pattern {
  private let slot: Int

  init(_ slot: Int) { self.slot = slot }

  func match(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) -> Bool {
    slots[slot] = value
    return true
  }
}

/// A variable that nobody asks for.
final class Anything: Pattern {
  func match(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) -> Bool { true }
}

/// What has to be equal to a term.
final class Equal: Pattern {
  let node: any Node

  init(_ node: any Node) { self.node = node }

  func match(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    guard let own = try node.value(evaluation, slots) else { return false }
    return try evaluation.same(own, value)
  }
}

final class ArrayPattern: Pattern {
  private let patterns: [any Pattern]

  init(_ patterns: [any Pattern]) { self.patterns = patterns }

  func match(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    guard case .array(let array) = value, array.count == patterns.count else { return false }
    for (pattern, item) in zip(patterns, array.items) {
      guard try pattern.match(item, evaluation, slots) else { return false }
    }
    return true
  }
}

final class ObjectPattern: Pattern {
  private let patterns: [(key: any Node, value: any Pattern)]

  init(_ patterns: [(key: any Node, value: any Pattern)]) { self.patterns = patterns }

  func match(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    guard case .object(let object) = value, object.count == patterns.count else { return false }
    for (key, pattern) in patterns {
      guard let key = try key.value(evaluation, slots) else { return false }
      try evaluation.context.spend(key.keyCost)
      guard let member = object[key], try pattern.match(member, evaluation, slots) else { return false }
    }
    return true
  }
}
