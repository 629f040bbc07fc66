import SeededRandom
import Testing

@testable import Detection

@Suite("The order in which rules are asked")
struct RuleProgramTests {
  private struct Step: Hashable {
    var node: Int32
    var target: Int32
  }

  private func steps(_ roots: [(rule: Int, root: Int)], _ graph: ConditionGraph) -> [Step] {
    RuleProgram(roots, graph).steps.map { Step(node: $0.node, target: $0.target) }
  }

  /// The order as it is meant: all rules are looked at anew after each step.
  private func expected(_ needs: [(rule: Int, conditions: Set<Int>)], _ graph: ConditionGraph) -> [Step] {
    var steps: [Step] = []
    func emit(_ needs: [(rule: Int, conditions: Set<Int>)]) {
      for need in needs where need.conditions.isEmpty { steps.append(Step(node: -1, target: Int32(need.rule))) }
      var rest = needs.filter { !$0.conditions.isEmpty }
      while !rest.isEmpty {
        var counts: [Int: Int] = [:]
        for need in rest { for condition in need.conditions { counts[condition, default: 0] += 1 } }
        let ranked = counts.map { (count: $1, cost: graph.cost(of: $0), node: $0) }
        let first = ranked.min { left, right in
          (right.count, left.cost, left.node) < (left.count, right.cost, right.node)
        }
        guard let node = first?.node else { return }
        let place = steps.count
        steps.append(Step(node: Int32(node), target: 0))
        var inside: [(rule: Int, conditions: Set<Int>)] = []
        for need in rest where need.conditions.contains(node) {
          inside.append((rule: need.rule, conditions: need.conditions.subtracting([node])))
        }
        emit(inside)
        steps[place].target = Int32(steps.count)
        rest.removeAll { $0.conditions.contains(node) }
      }
    }
    emit(needs)
    return steps
  }

  /// Conditions that take longer or shorter.
  private func condition(_ number: Int) -> String {
    switch number % 4 {
    case 0: "proc.pid = \(number)"
    case 1: "proc.name regex a\(number)"
    case 2: "not proc.name contains a\(number)"
    default: "(proc.pid = \(number) or proc.name = a\(number))"
    }
  }

  @Test("is by what most of them need, and then by what is cheap", arguments: 0..<6 as Range<UInt64>)
  func order(seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    for _ in 0..<60 {
      var builder = GraphBuilder()
      var conditions: [Int] = []
      for number in 0..<Int.random(in: 1...12, using: &random) {
        conditions.append(try builder.build(try ConditionParser.parse(condition(number))).node)
      }
      let likelihood = Int.random(in: 1...4, using: &random)
      var roots: [(rule: Int, root: Int)] = []
      var needs: [(rule: Int, conditions: Set<Int>)] = []
      for rule in 0..<Int.random(in: 0...24, using: &random) {
        var parts: [Int] = []
        for condition in conditions where Int.random(in: 0...likelihood, using: &random) == 0 {
          parts.append(condition)
        }
        roots.append((rule: rule, root: builder.graph.and(parts)))
        needs.append((rule: rule, conditions: Set(parts)))
      }
      // A rule that never matches is not asked.
      roots.append((rule: roots.count, root: builder.graph.constant(false)))
      #expect(steps(roots, builder.graph) == expected(needs, builder.graph))
    }
  }

  @Test("is found for rules that each need more than the one before") func chain() throws {
    var builder = GraphBuilder()
    var conditions: [Int] = []
    var roots: [(rule: Int, root: Int)] = []
    var needs: [(rule: Int, conditions: Set<Int>)] = []
    for number in 0..<60 {
      conditions.append(try builder.build(try ConditionParser.parse("proc.pid = \(number)")).node)
      roots.append((rule: number, root: builder.graph.and(conditions)))
      needs.append((rule: number, conditions: Set(conditions)))
    }
    #expect(steps(roots, builder.graph) == expected(needs, builder.graph))
    #expect(steps(roots.reversed(), builder.graph) == expected(needs.reversed(), builder.graph))
  }

  @Test("is found for a rule with very many conditions") func long() throws {
    var builder = GraphBuilder()
    var conditions: [Int] = []
    for number in 0..<3_000 {
      conditions.append(try builder.build(try ConditionParser.parse("proc.pid = \(number)")).node)
    }
    let steps = steps([(rule: 7, root: builder.graph.and(conditions))], builder.graph)
    #expect(steps.map(\.node) == conditions.map { Int32($0) } + [-1])
    // Past the last, wherever it ends.
    #expect(steps.dropLast().allSatisfy { $0.target == 3_001 })
    #expect(steps.last?.target == 7)
  }
}
