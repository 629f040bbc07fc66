/// A term that has to be true.
final class Test: Check {
  private let node: any Node

  init(_ node: any Node) { self.node = node }

  func holds(_ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    try node.value(evaluation, slots)?.isTruthy ?? false
  }
}

/// A term that has to have a certain shape.
final class Match: Check {
  private let pattern: any Pattern
  private let node: any Node

  init(_ pattern: any Pattern, _ node: any Node) { (self.pattern, self.node) = (pattern, node) }

  func holds(_ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    guard let value = try node.value(evaluation, slots) else { return false }
    return try pattern.match(value, evaluation, slots)
  }
}

/// What must have no solution.
final class Not: Check {
  private let plan: Plan

  init(_ plan: Plan) { self.plan = plan }

  func holds(_ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    try !plan.hasSolution(evaluation, slots)
  }
}

/// What must have a solution for each member of a collection.
final class Every: Check {
  private let key: Int?
  private let value: Int
  private let collection: any Node
  private let plan: Plan

  init(key: Int?, value: Int, _ collection: any Node, _ plan: Plan) {
    (self.key, self.value, self.collection, self.plan) = (key, value, collection, plan)
  }

  func holds(_ evaluation: Evaluation, _ slots: Slots) throws -> Bool {
    guard let collection = try collection.value(evaluation, slots), collection.isCollection else { return false }
    return try collection.each(evaluation.context) { own, member in
      if let key { slots[key] = own }
      slots[value] = member
      return try plan.hasSolution(evaluation, slots)
    }
  }
}

/// Everything below a value that a path of patterns leads to.
final class Iterate: Search {
  /// A part of the path with many answers, and what is known of the path below each of them.
  private typealias Part = (key: any Pattern, known: [any Node])

  private let head: any Node
  private let parts: [Part]
  private let result: any Pattern

  /// - Parameter path: begins with something that is not known.
  init(_ head: any Node, _ path: [any Pattern], _ result: any Pattern) {
    (self.head, self.result) = (head, result)
    var parts: [Part] = []
    for pattern in path {
      if let known = pattern as? Equal, !parts.isEmpty {
        parts[parts.count - 1].known.append(known.node)
      } else {
        parts.append((pattern, []))
      }
    }
    self.parts = parts
  }

  func run(_ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool) throws -> Bool {
    guard let value = try head.value(evaluation, slots) else { return true }
    return try run(0, value, evaluation, slots, found)
  }

  private func run(
    _ index: Int, _ value: Value, _ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool
  ) throws -> Bool {
    guard index < parts.count else { return try result.match(value, evaluation, slots) ? found() : true }
    return try value.each(evaluation.context) { key, member in
      guard try parts[index].key.match(key, evaluation, slots),
        let next = try parts[index].known.below(member, evaluation, slots)
      else { return true }
      return try run(index + 1, next, evaluation, slots, found)
    }
  }
}

/// Each member of a collection.
final class Member: Search {
  private let key: (any Pattern)?
  private let value: any Pattern
  private let collection: any Node

  init(key: (any Pattern)?, value: any Pattern, _ collection: any Node) {
    (self.key, self.value, self.collection) = (key, value, collection)
  }

  func run(_ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool) throws -> Bool {
    guard let collection = try collection.value(evaluation, slots) else { return true }
    return try collection.each(evaluation.context) { own, member in
      if let key { guard try key.match(own, evaluation, slots) else { return true } }
      guard try value.match(member, evaluation, slots) else { return true }
      return try found()
    }
  }
}

/// Each path below a value, and what is there.
final class Walk: Search {
  private let node: any Node
  private let result: any Pattern

  init(_ node: any Node, _ result: any Pattern) { (self.node, self.result) = (node, result) }

  func run(_ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool) throws -> Bool {
    guard let value = try node.value(evaluation, slots) else { return true }
    return try walk(value, [], evaluation) { path, value in
      guard try result.match(.array([.array(path), value]), evaluation, slots) else { return true }
      return try found()
    }
  }

  private func walk(
    _ value: Value, _ path: [Value], _ evaluation: Evaluation, _ found: ([Value], Value) throws -> Bool
  ) throws -> Bool {
    try evaluation.stack.check()
    try evaluation.context.spend(1 + path.count)
    guard try found(path, value) else { return false }
    return try value.each(evaluation.context) { key, member in try walk(member, path + [key], evaluation, found) }
  }
}

/// What has a solution when documents are others.
final class With: Search {
  private let changes: [(target: [String], value: any Node)]
  private let plan: Plan

  init(_ changes: [(target: [String], value: any Node)], _ plan: Plan) { (self.changes, self.plan) = (changes, plan) }

  func run(_ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool) throws -> Bool {
    guard let other = try changed(evaluation, slots) else { return true }
    return try plan.run(other, slots, found)
  }

  private func changed(_ evaluation: Evaluation, _ slots: Slots) throws -> Evaluation? {
    try evaluation.context.spend(1 + (evaluation.program.rules.count + evaluation.program.inputPaths) / 16)
    var (input, data) = (evaluation.input, evaluation.data)
    for (target, node) in changes {
      guard let value = try node.value(evaluation, slots) else { return nil }
      let path = target.dropFirst().map(Value.string)
      if target[0] == "input" {
        input = Self.replacing(path[...], in: input ?? .object(ObjectValue()), by: value)
      } else {
        data = Self.replacing(path[...], in: data, by: value)
      }
    }
    try evaluation.context.spend(changes.count * ((evaluation.input?.object?.count ?? 0) + 1))
    if let input { _ = try input.bounded() }
    return evaluation.with(input: input, data: data)
  }

  private static func replacing(_ path: ArraySlice<Value>, in document: Value, by value: Value) -> Value {
    guard let first = path.first else { return value }
    var object = document.object ?? ObjectValue()
    object[first] = replacing(path.dropFirst(), in: object[first] ?? .object(ObjectValue()), by: value)
    return .object(object)
  }
}
