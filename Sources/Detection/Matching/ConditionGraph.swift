/// Conditions as a graph in which what is alike is there once, so that it is computed once for an event.
struct ConditionGraph: Sendable {
  enum Node: Hashable, Sendable {
    case constant(Bool)
    /// An index into `checks`.
    case check(Int)
    case not(Int)
    case and([Int])
    case or([Int])
  }

  /// How deep conditions may nest once their macros are put in.
  static let deepest = 1_000

  private(set) var nodes: [Node] = []
  private(set) var checks: [TypedCheck] = []
  private var depths: [Int] = []
  private var places: [Node: Int] = [:]
  private var checkPlaces: [TypedCheck: Int] = [:]

  func depth(of node: Int) -> Int { depths[node] }

  mutating func constant(_ value: Bool) -> Int { intern(.constant(value)) }

  mutating func check(_ check: TypedCheck) -> Int {
    if let place = checkPlaces[check] { return intern(.check(place)) }
    checkPlaces[check] = checks.count
    checks.append(check)
    return intern(.check(checks.count - 1))
  }

  mutating func not(_ node: Int) -> Int {
    switch nodes[node] {
    case .constant(let value): constant(!value)
    case .not(let inner): inner
    default: intern(.not(node))
    }
  }

  mutating func and(_ children: [Int]) -> Int { combine(children, isAnd: true) }
  mutating func or(_ children: [Int]) -> Int { combine(children, isAnd: false) }

  private mutating func combine(_ children: [Int], isAnd: Bool) -> Int {
    var parts: [Int] = []
    var seen: Set<Int> = []
    func add(_ part: Int) { if seen.insert(part).inserted { parts.append(part) } }
    for child in children {
      switch nodes[child] {
      case .constant(let value):
        if value != isAnd { return constant(value) }
      case .and(let inner) where isAnd: inner.forEach(add)
      case .or(let inner) where !isAnd: inner.forEach(add)
      default: add(child)
      }
    }
    if !isAnd { parts = joined(parts) }
    if parts.isEmpty { return constant(isAnd) }
    if parts.count == 1 { return parts[0] }
    return intern(isAnd ? .and(parts) : .or(parts))
  }

  /// Alternatives that ask the same of one term become one check with all their constants.
  private mutating func joined(_ parts: [Int]) -> [Int] {
    var groups: [TypedCheck.Alternative: [Int]] = [:]
    for part in parts {
      guard case .check(let place) = nodes[part], let alternative = checks[place].alternative else { continue }
      groups[alternative, default: []].append(place)
    }
    var taken: Set<Int> = []
    return parts.compactMap { part in
      guard case .check(let place) = nodes[part], let alternative = checks[place].alternative,
        let group = groups[alternative], group.count > 1
      else { return part }
      guard taken.insert(group[0]).inserted else { return nil }
      return check(TypedCheck(alternative, group.map { checks[$0] }))
    }
  }

  private mutating func intern(_ node: Node) -> Int {
    if let place = places[node] { return place }
    let depth =
      switch node {
      case .constant, .check: 0
      case .not(let child): depths[child] + 1
      case .and(let children), .or(let children): 1 + (children.map { depths[$0] }.max() ?? 0)
      }
    places[node] = nodes.count
    nodes.append(node)
    depths.append(depth)
    return nodes.count - 1
  }
}
