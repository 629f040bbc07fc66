extension JSON {
  /// An `Any` message of protobuf, as Envoy's configuration has them: the value's fields with the type that says what they are.
  package static func typed(_ type: String, _ fields: [String: JSON] = [:]) -> JSON {
    .object(fields.merging(["@type": .string("type.googleapis.com/\(type)")]) { _, last in last })
  }
}
