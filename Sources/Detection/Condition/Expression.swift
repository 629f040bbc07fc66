/// A condition as written: macros not replaced, fields not looked up.
package indirect enum Expression: Hashable, Sendable {
  case and([Expression], TextPosition)
  case or([Expression], TextPosition)
  case not(Expression, TextPosition)
  case macro(String, TextPosition)
  case exists(Term, TextPosition)
  case comparison(Term, Comparison, RightHandSide, TextPosition)

  package var position: TextPosition {
    switch self {
    case .and(_, let position), .or(_, let position), .not(_, let position), .macro(_, let position),
      .exists(_, let position), .comparison(_, _, _, let position):
      position
    }
  }
}

/// What has a value: a field, a transformer of values, or a literal among a transformer's arguments.
package indirect enum Term: Hashable, Sendable {
  case field(name: String, argument: String?, TextPosition)
  case transformer(name: String, arguments: [Term], argument: String?, TextPosition)
  case literal(ByteText, TextPosition)
  case list([Term], TextPosition)

  package var position: TextPosition {
    switch self {
    case .field(_, _, let position), .transformer(_, _, _, let position), .literal(_, let position),
      .list(_, let position):
      position
    }
  }
}

/// What a term is compared with.
package enum RightHandSide: Hashable, Sendable {
  case value(ByteText, TextPosition)
  case values([ByteText], TextPosition)
  case term(Term)

  package var position: TextPosition {
    switch self {
    case .value(_, let position), .values(_, let position): position
    case .term(let term): term.position
    }
  }
}
