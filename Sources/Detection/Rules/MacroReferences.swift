/// Which macros conditions refer to, and whether they may.
struct MacroReferences {
  private let definitions: RuleDefinitions
  private let expressions: [String: Expression]
  /// Macros whose own references are known to be good.
  private var checked: Set<String> = []
  private(set) var used: Set<String> = []

  init(_ definitions: RuleDefinitions, _ expressions: [String: Expression]) {
    (self.definitions, self.expressions) = (definitions, expressions)
  }

  /// A reference that leads nowhere.
  struct Problem {
    var message: String
    var position: TextPosition
  }

  /// - Returns: the first problem; `nil` when all is well.
  mutating func check(macro: RuleDefinitions.Macro) -> Problem? {
    guard let expression = expressions[macro.name] else { return nil }
    let problem = check(expression, visibleCount: definitions.macros.visibleCount(for: macro.name))
    if problem == nil { checked.insert(macro.name) }
    return problem
  }

  mutating func check(rule expression: Expression) -> Problem? { check(expression, visibleCount: .max) }

  private mutating func check(_ expression: Expression, visibleCount: Int) -> Problem? {
    var search = Search(visibleCount: visibleCount)
    visit(expression, &search)
    if let loop = search.loop { return loop }
    return search.unknown
  }

  private struct Search {
    var visibleCount: Int
    var path: [String] = []
    var visited: Set<String> = []
    var loop: Problem?
    var unknown: Problem?
  }

  private mutating func visit(_ expression: Expression, _ search: inout Search) {
    switch expression {
    case .and(let children, _), .or(let children, _):
      for child in children { visit(child, &search) }
    case .not(let child, _):
      visit(child, &search)
    case .exists, .comparison:
      break
    case .macro(let name, let position):
      guard definitions.macros.named(name, amongFirst: search.visibleCount) != nil, let expression = expressions[name]
      else {
        search.unknown =
          search.unknown
          ?? Problem(
            message: "Undefined macro '\(name)' used in filter.", position: position)
        return
      }
      guard !search.path.contains(name) else {
        search.loop = search.loop ?? Problem(message: "reference loop in macro '\(name)'", position: position)
        return
      }
      used.insert(name)
      guard !checked.contains(name), search.visited.insert(name).inserted else { return }
      search.path.append(name)
      visit(expression, &search)
      search.path.removeLast()
    }
  }
}
