/// What is to be asked of an event of one type, such that rules which need the same are passed over together.
struct RuleProgram: Sendable {
  struct Step: Sendable {
    /// A node that has to be true; -1 when the step is a rule that matches.
    let node: Int32
    /// Where to go on when it is false; or the rule.
    let target: Int32
  }

  private(set) var steps = ContiguousArray<Step>()

  /// - Parameter roots: the rules with what is left of their conditions, in order.
  init(_ roots: [(rule: Int, root: Int)], _ graph: ConditionGraph) {
    let needs: [Need] = roots.compactMap { rule, root in
      switch graph.nodes[root] {
      case .constant(true): Need(rule: rule, conditions: [])
      case .constant(false): nil
      case .and(let parts): Need(rule: rule, conditions: parts)
      default: Need(rule: rule, conditions: [root])
      }
    }
    emit(needs, graph)
  }

  /// A rule, and all that has to be true for it.
  private struct Need {
    var rule: Int
    var conditions: [Int]
  }

  private mutating func emit(_ needs: [Need], _ graph: ConditionGraph) {
    var rest = needs
    for need in rest where need.conditions.isEmpty { steps.append(Step(node: -1, target: Int32(need.rule))) }
    rest.removeAll(where: \.conditions.isEmpty)
    while !rest.isEmpty {
      var counts: [Int: Int] = [:]
      for need in rest { for condition in need.conditions { counts[condition, default: 0] += 1 } }
      // What most rules need; among equals the cheapest.
      let gate = counts.min { left, right in
        (right.value, graph.cost(of: left.key), left.key) < (left.value, graph.cost(of: right.key), right.key)
      }
      guard let gate = gate?.key else { return }
      let inside = rest.filter { $0.conditions.contains(gate) }
      rest.removeAll { $0.conditions.contains(gate) }
      let place = steps.count
      steps.append(Step(node: Int32(gate), target: 0))
      emit(inside.map { Need(rule: $0.rule, conditions: $0.conditions.filter { $0 != gate }) }, graph)
      steps[place] = Step(node: Int32(gate), target: Int32(steps.count))
    }
  }
}
