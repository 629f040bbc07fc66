/// A node of the graph in one flat array, its children in another.
struct GraphNode: Sendable {
  enum Kind: UInt8, Sendable { case `false`, `true`, check, not, and, or }

  let kind: Kind
  /// A check, a child, or where the children begin.
  let first: Int32
  let count: Int32

  static func flatten(
    _ graph: ConditionGraph
  ) -> (nodes: ContiguousArray<GraphNode>, children: ContiguousArray<Int32>) {
    var nodes = ContiguousArray<GraphNode>()
    var children = ContiguousArray<Int32>()
    for node in graph.nodes {
      switch node {
      case .constant(let value): nodes.append(GraphNode(kind: value ? .true : .false, first: 0, count: 0))
      case .check(let check): nodes.append(GraphNode(kind: .check, first: Int32(check), count: 0))
      case .not(let child): nodes.append(GraphNode(kind: .not, first: Int32(child), count: 0))
      case .and(let parts), .or(let parts):
        let kind: Kind = if case .and = node { .and } else { .or }
        nodes.append(GraphNode(kind: kind, first: Int32(children.count), count: Int32(parts.count)))
        children += parts.sorted { graph.cost(of: $0) < graph.cost(of: $1) }.map { Int32($0) }
      }
    }
    return (nodes, children)
  }
}

extension ConditionGraph {
  /// A guess at how long a node takes, to ask for the cheap ones first; conditions have no side effects, so their order
  /// does not matter otherwise.
  func cost(of node: Int) -> Int {
    switch nodes[node] {
    case .constant: 0
    case .not(let child): cost(of: child)
    case .and(let children), .or(let children): 8 * children.count + depth(of: node) * 32
    case .check(let check): checks[check].cost
    }
  }
}

extension TypedCheck {
  fileprivate var cost: Int {
    let term = 4 * left.transformers.count
    switch comparison.operator {
    case .exists, .less, .lessOrEqual, .greater, .greaterOrEqual: return term + 1
    case .equal, .notEqual: return term + (left.type.family == .string ? 2 : 1)
    case .in, .intersects, .startswith, .endswith, .bstartswith: return term + 3
    case .contains, .bcontains, .icontains: return term + 6
    case .pmatch, .glob, .iglob: return term + 10
    case .regex: return term + 40
    }
  }
}
