/// How a term is compared: an operator, and for some how many of a list's elements have to agree.
package struct Comparison: Hashable, Sendable {
  package enum Operator: String, Hashable, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case contains
    case icontains
    case bcontains
    case startswith
    case bstartswith
    case endswith
    case glob
    case iglob
    case regex
    case `in`
    case intersects
    case pmatch
    case exists

    /// - Parameter text: as in a condition; `==` is `=`.
    package init?(text: String) { self.init(rawValue: text == "==" ? "=" : text) }

    /// Whether it compares with a list.
    package var takesList: Bool { self == .in || self == .intersects || self == .pmatch }

    /// Whether the list of a modifier may follow it.
    var takesModifier: Bool {
      switch self {
      case .equal, .notEqual, .contains, .icontains, .bcontains, .startswith, .bstartswith, .endswith, .glob, .iglob,
        .regex:
        true
      case .less, .lessOrEqual, .greater, .greaterOrEqual, .in, .intersects, .pmatch, .exists: false
      }
    }
  }

  package enum Modifier: String, Hashable, Sendable {
    case oneof, anyof, allof
  }

  package var `operator`: Operator
  package var modifier: Modifier?
  /// As it stood in the text, for printing.
  package var text: String

  /// - Parameter text: an operator, or one that takes a modifier, a blank and the modifier.
  package init?(_ text: String) {
    let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard let first = words.first, let known = Operator(text: first) else { return nil }
    self.operator = known
    self.text = text
    if words.count == 2 {
      guard known.takesModifier, let modifier = Modifier(rawValue: words[1]) else { return nil }
      self.modifier = modifier
    }
  }
}

extension Comparison {
  init(_ known: Operator, _ modifier: Modifier? = nil) {
    (self.operator, self.modifier) = (known, modifier)
    text = known.rawValue + (modifier.map { " \($0.rawValue)" } ?? "")
  }
}
