/// Checks of which it is enough that one is true.
extension TypedCheck {
  /// What checks have to have in common to become one.
  struct Alternative: Hashable {
    var left: TypedTerm
    var comparison: Comparison
  }

  /// The form that this check has among others; `nil` when it has to stay by itself.
  var alternative: Alternative? {
    // A list has to hold all that `in` compares it with. Long ones stay as they are: many rules may share them.
    guard case .literals(let literals) = right, (1...Self.mostJoined).contains(literals.count), !left.isList else {
      return nil
    }
    guard comparison.modifier == nil || comparison.modifier == .anyof else { return nil }
    switch comparison.operator {
    case .equal, .in: return Alternative(left: left, comparison: Comparison(.in))
    case .contains, .bcontains, .startswith, .bstartswith, .endswith:
      return Alternative(left: left, comparison: Comparison(comparison.operator, .anyof))
    default: return nil
    }
  }

  private static let mostJoined = 64

  /// - Parameter checks: checks with that alternative.
  init(_ alternative: Alternative, _ checks: [TypedCheck]) {
    var literals: [Literal] = []
    var seen: Set<Literal> = []
    for check in checks {
      guard case .literals(let own) = check.right else { continue }
      for literal in own where seen.insert(literal).inserted { literals.append(literal) }
    }
    self.init(alternative.left, alternative.comparison, .literals(literals))
  }
}
