/// A field as its class defines it.
package struct FieldDefinition: Hashable, Sendable {
  package enum ArgumentRule: Hashable, Sendable { case none, optional, required }

  /// How its numbers are printed.
  package enum NumberFormat: Hashable, Sendable { case decimal, hexadecimal, octal, padded }

  /// Which part of an event it tells of: `evt`, `proc`, `fd`, `container`, ….
  package let fieldClass: String
  package let name: String
  package var type: ValueType
  package let argument: ArgumentRule
  package let isList: Bool
  package var numberFormat: NumberFormat
  /// Falco has no more values for it.
  package let isDeprecated: Bool
  let isComparableWithFields: Bool
  let takesTransformers: Bool
  /// It is not a field to print.
  let isFilterOnly: Bool
  /// For tables of other programs; not listed.
  package let isHidden: Bool

  init?(line: some StringProtocol) {
    let words = line.split(separator: " ")
    guard words.count >= 3 else { return nil }
    // A type that nothing can be compared with, where the table has one that we do not know.
    type = words[2] == "DYN" ? .dynamic : ValueType(rawValue: String(words[2])) ?? .none
    let flags = Set(words.dropFirst(3))
    (fieldClass, name) = (String(words[0]), String(words[1]))
    argument = flags.contains("arg") ? .required : flags.contains("arg?") ? .optional : .none
    isList = flags.contains("list")
    isDeprecated = flags.contains("deprecated")
    isComparableWithFields = !flags.contains("no-rhs")
    takesTransformers = !flags.contains("no-transformer")
    isFilterOnly = flags.contains("filter-only")
    isHidden = flags.contains("hidden")
    numberFormat = flags.contains("padded") ? .padded : flags.contains("hex") ? .hexadecimal : .decimal
  }

  /// A literal among the arguments of a transformer.
  static let literal = FieldDefinition(type: .string, isList: false)
  static let literalList = FieldDefinition(type: .string, isList: true)

  private init(type: ValueType, isList: Bool) {
    (fieldClass, name, self.type, self.isList) = ("", "NA", type, isList)
    (argument, numberFormat, isDeprecated, isComparableWithFields) = (.none, .decimal, false, true)
    (takesTransformers, isFilterOnly, isHidden) = (true, false, false)
  }
}
