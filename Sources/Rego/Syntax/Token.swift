struct Token: Sendable {
  enum Kind: Equatable, Sendable {
    case name(String)
    case string(String)
    case number(Number)
    case symbol(String)
    case end

    static func == (left: Kind, right: Kind) -> Bool {
      switch (left, right) {
      case (.name(let left), .name(let right)), (.string(let left), .string(let right)),
        (.symbol(let left), .symbol(let right)):
        left == right
      case (.number(let left), .number(let right)): left.text == right.text
      case (.end, .end): true
      default: false
      }
    }
  }

  var kind: Kind
  var location: Location
  /// Whether a line ended before it.
  var isFirstOfLine: Bool
  /// Whether anything stands between it and the one before.
  var isApart: Bool

  var text: String {
    switch kind {
    case .name(let text), .symbol(let text): text
    case .string(let text): "\"\(text)\""
    case .number(let number): number.text
    case .end: "the end"
    }
  }
}
