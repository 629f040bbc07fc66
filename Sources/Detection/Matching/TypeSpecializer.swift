/// Takes the type of an event out of conditions: for events of one type, what compares it is always the same.
struct TypeSpecializer {
  private(set) var graph: ConditionGraph
  /// Whether a node of the original graph has anything to do with the type.
  private let depends: [Bool]
  private let typeChecks: [Int]
  init(_ graph: ConditionGraph) {
    self.graph = graph
    typeChecks = graph.checks.indices.filter { graph.checks[$0].isOfEventType }
    let checks = Set(typeChecks)
    var depends: [Bool] = []
    for node in graph.nodes {
      let answer =
        switch node {
        case .constant: false
        case .check(let check): checks.contains(check)
        case .not(let child): depends[child]
        case .and(let children), .or(let children): children.contains { depends[$0] }
        }
      depends.append(answer)
    }
    self.depends = depends
  }

  /// What the checks of the type say for a type: types with the same answers have the same conditions.
  func answers(for type: EventType) -> [Bool] { typeChecks.map { graph.checks[$0].isTrue(for: type) } }

  mutating func roots(_ nodes: [Int], answers: [Bool]) -> [Int] {
    let known = Dictionary(uniqueKeysWithValues: zip(typeChecks, answers))
    var memo: [Int: Int] = [:]
    var results: [Int] = []
    for node in nodes { results.append(specialize(node, known, &memo)) }
    return results
  }

  private mutating func specialize(_ node: Int, _ known: [Int: Bool], _ memo: inout [Int: Int]) -> Int {
    guard node < depends.count, depends[node] else { return node }
    if let result = memo[node] { return result }
    let result: Int
    switch graph.nodes[node] {
    case .constant: result = node
    case .check(let check): result = known[check].map { graph.constant($0) } ?? node
    case .not(let child): result = graph.not(specialize(child, known, &memo))
    case .and(let children):
      var parts: [Int] = []
      for child in children { parts.append(specialize(child, known, &memo)) }
      result = graph.and(parts)
    case .or(let children):
      var parts: [Int] = []
      for child in children { parts.append(specialize(child, known, &memo)) }
      result = graph.or(parts)
    }
    memo[node] = result
    return result
  }
}

extension TypedCheck {
  fileprivate var isOfEventType: Bool {
    guard case .field(let field) = left.source, left.transformers.isEmpty else { return false }
    guard ["evt.type", "syscall.type"].contains(field.name) else { return false }
    guard case .literals = right, comparison.modifier == nil else { return false }
    return [.equal, .notEqual, .in].contains(comparison.operator)
  }

  fileprivate func isTrue(for type: EventType) -> Bool {
    guard case .literals(let literals) = right else { return false }
    let name = Array(type.description.utf8)
    let isThere = literals.contains(.bytes(name))
    return comparison.operator == .notEqual ? !isThere : isThere
  }
}
