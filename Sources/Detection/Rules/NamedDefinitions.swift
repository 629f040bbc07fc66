/// Lists or macros by name, in the order of their first definitions.
///
/// Each sees those that were there when it was last changed, and no others: so Falco has it.
struct NamedDefinitions<Definition: Sendable>: Sendable {
  private(set) var all: [Definition] = []
  /// For each, how many of the first it sees.
  private var visible: [Int] = []
  private var places: [String: Int] = [:]

  /// - Parameter count: how many of the first are looked at.
  func named(_ name: String, amongFirst count: Int = .max) -> Definition? {
    places[name].flatMap { $0 < count ? all[$0] : nil }
  }

  /// How many of the first the one with the name sees.
  func visibleCount(for name: String) -> Int { places[name].map { visible[$0] } ?? 0 }

  /// Adds a definition, or puts it in the place of an earlier one with its name.
  mutating func define(_ definition: Definition, as name: String) {
    if change(name, { $0 = definition }) { return }
    places[name] = all.count
    visible.append(all.count)
    all.append(definition)
  }

  /// - Returns: whether there is one with the name.
  mutating func change(_ name: String, _ body: (inout Definition) -> Void) -> Bool {
    guard let place = places[name] else { return false }
    body(&all[place])
    visible[place] = all.count
    return true
  }
}
