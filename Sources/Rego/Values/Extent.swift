/// How much a value is, counted when it is made: a value may stand in many places of another, and what is small in
/// memory then takes forever to compare or to print.
package struct Extent: Sendable {
  /// Values within, and the value itself; what stands in two places counts twice.
  private(set) var count = 1
  /// Values within each other; 0 for what has none.
  private(set) var depth = 0

  /// What a value may be in an evaluation.
  static let most = Extent(count: 1 << 24, depth: 768)

  private init(count: Int, depth: Int) { (self.count, self.depth) = (count, depth) }

  init() {}

  init(of values: [Value]) {
    depth = 1
    for value in values { add(value) }
  }

  mutating func add(_ value: Value) {
    let extent = value.extent
    let (sum, overflow) = count.addingReportingOverflow(extent.count)
    count = overflow ? .max : sum
    depth = Swift.max(depth, extent.depth + 1)
  }

  /// The depth stays: what else is as deep is not known.
  mutating func remove(_ value: Value) { count = Swift.max(1, count - value.extent.count) }

  var isBounded: Bool { count <= Self.most.count && depth <= Self.most.depth }
}

extension Value {
  /// - Throws: `BudgetExceeded` when it is more than a value of an evaluation may be.
  func bounded() throws -> Value {
    switch self {
    case .null, .bool, .number, .string: break
    case .array, .object, .set: guard extent.isBounded else { throw BudgetExceeded() }
    }
    return self
  }

  package var extent: Extent {
    switch self {
    case .null, .bool, .number, .string: Extent()
    case .array(let items): items.extent
    case .object(let object): object.extent
    case .set(let set): set.extent
    }
  }
}
