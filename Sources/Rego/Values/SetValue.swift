/// A set, in the order of its members.
package struct SetValue: Sendable {
  package private(set) var members: [Value]

  package init() { members = [] }

  package init(_ members: [Value]) {
    self.members = []
    self.members.reserveCapacity(members.count)
    for member in members.sorted() where self.members.last != member { self.members.append(member) }
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
