/// A term whose variables are all known when it is computed; it has one value, or none.
protocol Node: AnyObject, Sendable {
  /// - Returns: `nil` when it is undefined.
  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value?
}

final class Constant: Node {
  let value: Value

  init(_ value: Value) { self.value = value }

  func value(_ evaluation: Evaluation, _ slots: Slots) -> Value? { value }
}

final class Variable: Node {
  private let slot: Int

  init(_ slot: Int) { self.slot = slot }

  func value(_ evaluation: Evaluation, _ slots: Slots) -> Value? { slots[slot] }
}

final class Input: Node {
  func value(_ evaluation: Evaluation, _ slots: Slots) -> Value? { evaluation.input }
}

/// What a path of names leads to from the input on.
final class InputLookup: Node {
  private let place: Int
  private let path: [Value]

  /// - Parameter place: of the path among all of the program.
  init(_ place: Int, _ path: [Value]) { (self.place, self.path) = (place, path) }

  func value(_ evaluation: Evaluation, _ slots: Slots) -> Value? { evaluation.input(below: path, place) }
}

/// Documents that come from outside, below `data`.
final class Base: Node {
  private let path: [String]

  init(_ path: [String]) { self.path = path }

  func value(_ evaluation: Evaluation, _ slots: Slots) -> Value? {
    path.reduce(Value?.some(evaluation.data)) { $0?.object?[$1] }
  }
}

/// What a rule says.
final class Ask: Node {
  private let rule: Int

  init(_ rule: Int) { self.rule = rule }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? { try evaluation.value(ofRule: rule) }
}

/// What a path leads to.
final class Lookup: Node {
  private let head: any Node
  private let path: [any Node]

  init(_ head: any Node, _ path: [any Node]) { (self.head, self.path) = (head, path) }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    guard let value = try head.value(evaluation, slots) else { return nil }
    return try path.below(value, evaluation, slots)
  }
}

/// What a path of constants leads to.
final class ConstantLookup: Node {
  private let head: any Node
  private let path: [Value]

  init(_ head: any Node, _ path: [Value]) { (self.head, self.path) = (head, path) }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try head.value(evaluation, slots)?[path: path]
  }
}

extension Value {
  /// What keys lead to, one below the other.
  subscript(path path: [Value]) -> Value? {
    var value = self
    for index in path.indices {
      guard let next = value[below: path[index]] else { return nil }
      value = next
    }
    return value
  }
}

extension [any Node] {
  /// What they lead to, one below the other.
  func below(_ value: Value, _ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    var value = value
    for index in indices {
      guard let key = try self[index].value(evaluation, slots) else { return nil }
      try evaluation.context.spend(key.keyCost)
      guard let next = value[below: key] else { return nil }
      value = next
    }
    return value
  }
}

// MARK: Collections

final class MakeArray: Node {
  private let nodes: [any Node]

  init(_ nodes: [any Node]) { self.nodes = nodes }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try nodes.values(evaluation, slots).map { try Value.array($0).bounded() }
  }
}

final class MakeSet: Node {
  private let nodes: [any Node]

  init(_ nodes: [any Node]) { self.nodes = nodes }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try nodes.values(evaluation, slots).map(evaluation.set)
  }
}

final class MakeObject: Node {
  private let nodes: [(key: any Node, value: any Node)]

  init(_ nodes: [(key: any Node, value: any Node)]) { self.nodes = nodes }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    var entries: [(Value, Value)] = []
    entries.reserveCapacity(nodes.count)
    for (key, value) in nodes {
      guard let key = try key.value(evaluation, slots), let value = try value.value(evaluation, slots) else {
        return nil
      }
      entries.append((key, value))
    }
    return try evaluation.object(entries, unique: nil)
  }
}

extension [any Node] {
  fileprivate func values(_ evaluation: Evaluation, _ slots: Slots) throws -> [Value]? {
    var values: [Value] = []
    values.reserveCapacity(count)
    for node in self {
      guard let value = try node.value(evaluation, slots) else { return nil }
      values.append(value)
    }
    return values
  }
}

// MARK: Comprehensions

final class ArrayComprehension: Node {
  private let head: any Node
  private let plan: Plan

  init(_ head: any Node, _ plan: Plan) { (self.head, self.plan) = (head, plan) }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try Value.array(try plan.values(of: head, evaluation, slots)).bounded()
  }
}

final class SetComprehension: Node {
  private let head: any Node
  private let plan: Plan

  init(_ head: any Node, _ plan: Plan) { (self.head, self.plan) = (head, plan) }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try evaluation.set(try plan.values(of: head, evaluation, slots))
  }
}

final class ObjectComprehension: Node {
  private let key: any Node
  private let value: any Node
  private let plan: Plan
  private let location: Location

  init(key: any Node, value: any Node, _ plan: Plan, _ location: Location) {
    (self.key, self.value, self.plan, self.location) = (key, value, plan, location)
  }

  func value(_ evaluation: Evaluation, _ slots: Slots) throws -> Value? {
    try evaluation.object(try plan.entries(key, value, evaluation, slots), unique: location)
  }
}

extension Plan {
  /// What a term is, for each solution.
  func values(of head: any Node, _ evaluation: Evaluation, _ slots: Slots) throws -> [Value] {
    var members: [Value] = []
    try run(evaluation, slots) {
      if let value = try head.value(evaluation, slots) { members.append(value) }
      return true
    }
    return members
  }

  func entries(
    _ key: any Node, _ value: any Node, _ evaluation: Evaluation, _ slots: Slots
  ) throws -> [(Value, Value)] {
    var entries: [(Value, Value)] = []
    try run(evaluation, slots) {
      if let key = try key.value(evaluation, slots), let value = try value.value(evaluation, slots) {
        entries.append((key, value))
      }
      return true
    }
    return entries
  }
}
