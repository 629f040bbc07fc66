/// Up to three numbers of a call with their names, without a place in memory of their own.
struct NamedNumbers {
  typealias Pair = (name: StaticString, value: Int64)

  private let first: Pair?
  private let second: Pair?
  private let third: Pair?

  init(_ first: Pair? = nil, _ second: Pair? = nil, _ third: Pair? = nil) {
    (self.first, self.second, self.third) = (first, second, third)
  }

  func value(of name: String) -> Int64? {
    for case let pair? in (0..<3).lazy.map(at) where Self.equals(pair.name, name) { return pair.value }
    return nil
  }

  func at(_ index: Int) -> Pair? {
    switch index {
    case 0: first
    case 1: second
    case 2: third
    default: nil
    }
  }

  private static func equals(_ left: StaticString, _ right: String) -> Bool {
    UnsafeBufferPointer(start: left.utf8Start, count: left.utf8CodeUnitCount).elementsEqual(right.utf8)
  }
}
