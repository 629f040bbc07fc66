extension Expression: CustomStringConvertible {
  /// The condition in one fixed form, that of libsinsp.
  package var description: String {
    switch self {
    case .and(let children, _): "(\(children.map(\.description).joined(separator: " and ")))"
    case .or(let children, _): "(\(children.map(\.description).joined(separator: " or ")))"
    case .not(let child, _): "not \(child)"
    case .macro(let name, _): name
    case .exists(let term, _): "\(term) exists"
    case .comparison(let left, let comparison, let right, _): "\(left) \(comparison.text) \(right)"
    }
  }
}

extension Term: CustomStringConvertible {
  package var description: String {
    switch self {
    case .field(let name, let argument, _): name + Self.bracketed(argument)
    case .transformer(let name, let arguments, let argument, _):
      "\(name)(\(arguments.map(\.description).joined(separator: ",")))" + Self.bracketed(argument)
    case .literal(let constant, _): StringEscapes.escape(constant.text)
    case .list(let items, _): "(\(items.map(\.description).joined(separator: ",")))"
    }
  }

  private static func bracketed(_ argument: String?) -> String {
    argument.map { $0.isEmpty ? "[\"\"]" : "[\(StringEscapes.escape($0))]" } ?? ""
  }
}

extension RightHandSide: CustomStringConvertible {
  package var description: String {
    switch self {
    case .value(let constant, _): StringEscapes.escape(constant.text)
    case .values(let items, _): "(\(items.map { StringEscapes.escape($0.text) }.joined(separator: ", ")))"
    case .term(let term): term.description
    }
  }
}
