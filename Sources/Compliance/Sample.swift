/// The first and the last of many, and how many there were.
struct Sample<Element: Sendable>: Sendable {
  private(set) var count = 0
  private var first: [Element] = []
  private var last: [Element] = []

  /// As many are kept of each end.
  static var half: Int { 10 }

  /// - Parameter weight: how many the element stands for.
  mutating func add(_ element: Element, weight: Int = 1) {
    count += weight
    guard first.count == Self.half else { return first.append(element) }
    if last.count == Self.half { last.removeFirst() }
    last.append(element)
  }

  /// In the order in which they came.
  var elements: [Element] { first + last }
}
