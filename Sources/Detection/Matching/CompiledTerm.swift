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
}
