/// The fields that conditions and outputs may name.
package enum FieldTable {
  /// In the order in which they are looked up.
  package static let definitions: [FieldDefinition] = fieldTableText.split(separator: "\n").compactMap {
    FieldDefinition(line: $0)
  }

  /// The classes in the order in which Falco asks them, each with its fields.
  static let classes: [[FieldDefinition]] = {
    var order: [String] = []
    var members: [String: [FieldDefinition]] = [:]
    for definition in definitions {
      if members[definition.fieldClass] == nil { order.append(definition.fieldClass) }
      members[definition.fieldClass, default: []].append(definition)
    }
    return order.compactMap { members[$0] }
  }()

  static let byName: [String: FieldDefinition] = Dictionary(
    definitions.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
}
