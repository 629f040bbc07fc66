/// What is to be asked of an event of one type, such that rules which need the same are passed over together.
struct RuleProgram: Sendable {
  struct Step: Sendable {
    /// A node that has to be true; -1 when the step is a rule that matches.
    let node: Int32
    /// Where to go on when it is false; or the rule.
    let target: Int32
  }

  let steps: ContiguousArray<Step>

  /// - Parameter roots: the rules with what is left of their conditions, in order.
  init(_ roots: [(rule: Int, root: Int)], _ graph: ConditionGraph) {
    var builder = ProgramBuilder(roots, graph)
    steps = builder.build()
  }
}

/// Puts conditions in order: first the one that most rules need, among equals the cheapest; behind it what the rules
/// that need it need besides; then in the same way what all others need.
///
/// When rules part, only the fewer of them are looked at again. None can be among the fewer more often than the number
/// of rules can be halved, so the time grows little faster than the rules do.
private struct ProgramBuilder {
  private enum Pending {
    case ask(RuleGroup)
    /// The step there ends here.
    case close(Int)
  }

  private var steps = ContiguousArray<RuleProgram.Step>()
  /// Nodes, the cheapest first; below, conditions are places in it.
  private let nodes: [Int]
  /// The rules that need anything. Below, rules are places in it.
  private let rules: [Int]
  /// By rule.
  private let needs: [[Int]]
  /// How many of a rule's conditions are still to be asked.
  private var missing: [Int]
  /// Which group a rule is in; -1 once it is done.
  private var groups: [Int]
  private var groupCount = 0

  init(_ roots: [(rule: Int, root: Int)], _ graph: ConditionGraph) {
    var rules: [Int] = []
    var needs: [[Int]] = []
    for (rule, root) in roots {
      switch graph.nodes[root] {
      case .constant(true): steps.append(RuleProgram.Step(node: -1, target: Int32(rule)))
      case .constant(false): break
      case .and(let parts):
        rules.append(rule)
        needs.append(parts)
      default:
        rules.append(rule)
        needs.append([root])
      }
    }
    let costs = Set(needs.joined()).map { (cost: graph.cost(of: $0), node: $0) }
    nodes = costs.sorted { ($0.cost, $0.node) < ($1.cost, $1.node) }.map(\.node)
    let places = Dictionary(nodes.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    self.rules = rules
    self.needs = needs.map { $0.compactMap { places[$0] } }
    missing = needs.map(\.count)
    groups = needs.map { _ in -1 }
  }

  mutating func build() -> ContiguousArray<RuleProgram.Step> {
    // Without recursion: conditions can be long.
    var tasks: [Pending] = [.ask(makeGroup(of: Array(rules.indices), from: nil))]
    while let task = tasks.popLast() {
      switch task {
      case .ask(let group): ask(group, &tasks)
      case .close(let place):
        steps[place] = RuleProgram.Step(node: steps[place].node, target: Int32(steps.count))
      }
    }
    return steps
  }

  /// Asks for the first condition of a group, and leaves to do what comes behind it and what comes after it.
  private mutating func ask(_ group: RuleGroup, _ tasks: inout [Pending]) {
    guard let (condition, users) = group.takeFirst() else { return }
    let place = steps.count
    steps.append(RuleProgram.Step(node: Int32(nodes[condition]), target: 0))
    var inside: [Int] = []
    for rule in users where groups[rule] == group.number {
      missing[rule] -= 1
      if missing[rule] > 0 {
        inside.append(rule)
      } else {
        steps.append(RuleProgram.Step(node: -1, target: Int32(rules[rule])))
        groups[rule] = -1
        group.count -= 1
      }
    }
    // The tasks are done from the last to the first.
    if inside.count <= group.count - inside.count {
      let behind = makeGroup(of: inside, from: group)
      tasks += [.ask(group), .close(place), .ask(behind)]
    } else {
      let isInside = Set(inside)
      let others = group.members.filter { groups[$0] == group.number && !isInside.contains($0) }
      group.members = inside
      let after = makeGroup(of: others, from: group)
      tasks += [.ask(after), .close(place), .ask(group)]
    }
  }

  /// Makes a group of rules, in order, which leave the one they were in.
  private mutating func makeGroup(of members: [Int], from former: RuleGroup?) -> RuleGroup {
    let group = RuleGroup(number: groupCount)
    groupCount += 1
    for rule in members {
      // What the former group does not know any more was asked before.
      let conditions = needs[rule].filter { former?.isOpen($0) ?? true }
      group.add(rule, needing: conditions)
      former?.remove(needing: conditions)
      groups[rule] = group.number
    }
    group.begin()
    return group
  }
}

/// Rules that are asked together, and how many of them need a condition. An object, so that it changes where it lies.
private final class RuleGroup {
  private struct Use {
    var count = 0
    /// In order; also those that have left.
    var rules: [Int] = []
  }

  let number: Int
  /// In order; also those that have left.
  var members: [Int] = []
  var count = 0
  private var uses: [Int: Use] = [:]
  /// Conditions by how many rules need them, or needed them: the numbers only fall.
  private var byCount: [[Int]] = []
  private var level = 0
  /// The conditions of the level.
  private var current: [Int] = []
  private var place = 0

  init(number: Int) { self.number = number }

  func add(_ rule: Int, needing conditions: [Int]) {
    members.append(rule)
    count += 1
    for condition in conditions {
      uses[condition, default: Use()].count += 1
      uses[condition, default: Use()].rules.append(rule)
    }
  }

  /// Has to be called when all rules are in it.
  func begin() {
    level = (uses.values.map(\.count).max() ?? 0) + 1
    byCount = [[Int]](repeating: [], count: level)
    for (condition, use) in uses { byCount[use.count].append(condition) }
  }

  func remove(needing conditions: [Int]) {
    count -= 1
    for condition in conditions { uses[condition]?.count -= 1 }
  }

  /// Whether it is still to be asked.
  func isOpen(_ condition: Int) -> Bool { uses[condition] != nil }

  /// Takes out the condition that most rules need, the cheapest among equals.
  func takeFirst() -> (condition: Int, rules: [Int])? {
    while level > 0 {
      while place < current.count {
        let condition = current[place]
        place += 1
        guard let use = uses[condition], use.count > 0 else { continue }
        guard use.count == level else {
          byCount[use.count].append(condition)
          continue
        }
        uses[condition] = nil
        return (condition, use.rules)
      }
      level -= 1
      (current, place) = (byCount[level].sorted(), 0)
      byCount[level] = []
    }
    return nil
  }
}
