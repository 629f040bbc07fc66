/// A set, in the order of its members.
package struct SetValue: Sendable {
  package let members: [Value]
  let extent: Extent

  package init() { self.init([]) }

  package init(_ members: [Value]) {
    var distinct: [Value] = []
    distinct.reserveCapacity(members.count)
    for member in members.sorted() where distinct.last != member { distinct.append(member) }
    self.members = distinct
    extent = Extent(of: distinct)
  }

  package var count: Int { members.count }

  package func contains(_ value: Value) -> Bool {
    var (low, high) = (0, members.count)
    while low < high {
      let middle = (low + high) / 2
      let order = Value.order(members[middle], value)
      if order == 0 { return true }
      if order < 0 { low = middle + 1 } else { high = middle }
    }
    return false
  }

  package func union(_ other: SetValue) -> SetValue { SetValue(members + other.members) }
  package func intersection(_ other: SetValue) -> SetValue { SetValue(members.filter(other.contains)) }
  package func subtracting(_ other: SetValue) -> SetValue { SetValue(members.filter { !other.contains($0) }) }
}
