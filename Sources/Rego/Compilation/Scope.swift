/// The variables of a body, and of the bodies around it.
final class Scope {
  private let parent: Scope?
  private var slots: [String: Int] = [:]
  /// Names that the body declares itself, by `some` or `:=`.
  private(set) var declared: Set<String> = []

  init(in parent: Scope?) { self.parent = parent }

  var own: Set<Int> { Set(slots.values) }

  func slot(of name: String) -> Int? { slots[name] ?? parent?.slot(of: name) }

  func add(_ name: String, _ slot: Int) { slots[name] = slot }

  /// - Returns: whether it was not declared before.
  func declare(_ name: String, _ slot: Int) -> Bool {
    guard declared.insert(name).inserted else { return false }
    slots[name] = slot
    return true
  }
}
