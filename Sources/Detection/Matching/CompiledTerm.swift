/// How the value of a slot comes about. Slots are the distinct terms of all rules.
indirect enum CompiledTerm: Sendable {
  /// An index into `CompiledRules.fields`.
  case field(Int)
  case literal([UInt8])
  case list([Int], [ValueFormat])
  case join(separator: Int, list: Int)
  case concat([Int])
  case getopt(arguments: Int, options: Int, selector: UInt8?)
  case transformed(Int, Transformer, isList: Bool)
}

/// How values become text.
package struct ValueFormat: Hashable, Sendable {
  package var type: ValueType
  package var numberFormat: FieldDefinition.NumberFormat
  /// Whether the term is a list by its type; what is not may have several values still, which checks take one by one.
  package var isList: Bool
}

extension CompiledTerm {
  /// Whether a field is part of it.
  func uses(field: Int, in terms: ContiguousArray<CompiledTerm>) -> Bool {
    if case .field(let own) = self { return own == field }
    return parts.contains { terms[$0].uses(field: field, in: terms) }
  }

  /// The slots that it is made of.
  var parts: [Int] {
    switch self {
    case .field, .literal: []
    case .list(let slots, _), .concat(let slots): slots
    case .join(let separator, let list): [separator, list]
    case .getopt(let arguments, let options, _): [arguments, options]
    case .transformed(let slot, _, _): [slot]
    }
  }
}
