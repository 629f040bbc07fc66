/// A step of a body with one outcome.
protocol Check: AnyObject, Sendable {
  func holds(_ evaluation: Evaluation, _ slots: Slots) throws -> Bool
}

/// A step of a body with as many outcomes as it has solutions.
protocol Search: AnyObject, Sendable {
  /// - Parameter found: called for each solution; `false` ends the search.
  /// - Returns: whether it was not ended.
  func run(_ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool) throws -> Bool
}

enum Step: Sendable {
  case check(any Check)
  case search(any Search)
}

/// Steps in an order in which each knows what it needs. What comes behind a step is done for each of its outcomes.
final class Plan: Sendable {
  /// Steps with one outcome, and the one behind them that may have more.
  private final class Part: Sendable {
    let checks: [any Check]
    let search: (any Search)?

    init(_ checks: [any Check], _ search: (any Search)?) { (self.checks, self.search) = (checks, search) }
  }

  private let parts: [Part]

  init(_ steps: [Step]) {
    var parts: [Part] = []
    var checks: [any Check] = []
    for step in steps {
      switch step {
      case .check(let check): checks.append(check)
      case .search(let search):
        parts.append(Part(checks, search))
        checks = []
      }
    }
    parts.append(Part(checks, nil))
    self.parts = parts
  }

  /// - Parameter found: called for each solution; `false` ends the search.
  /// - Returns: whether it was not ended.
  @discardableResult
  func run(_ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool) throws -> Bool {
    try run(from: 0, evaluation, slots, found)
  }

  /// Whether there is a solution.
  func hasSolution(_ evaluation: Evaluation, _ slots: Slots) throws -> Bool { try !run(evaluation, slots) { false } }

  private func run(
    from index: Int, _ evaluation: Evaluation, _ slots: Slots, _ found: () throws -> Bool
  ) throws -> Bool {
    try evaluation.stack.check()
    let part = parts[index]
    for check in part.checks.indices {
      try evaluation.context.spend(1)
      guard try part.checks[check].holds(evaluation, slots) else { return true }
    }
    guard let search = part.search else { return try found() }
    try evaluation.context.spend(1)
    return try search.run(evaluation, slots) { try run(from: index + 1, evaluation, slots, found) }
  }
}
