import Documents

/// `apiextensions.k8s.io/v1` CustomResourceDefinition with one version.
struct CustomResourceDefinition: ClusterObject {
  let apiVersion = "apiextensions.k8s.io/v1"
  let kind = "CustomResourceDefinition"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var group: String
    var names: Names
    let scope = "Namespaced"
    var versions: [Version]
  }

  struct Names: Encodable, Sendable {
    var kind: String
    var listKind: String
    var plural: String
    var singular: String
    var categories: [String]
  }

  struct Version: Encodable, Sendable {
    var name: String
    let served = true
    let storage = true
    var schema: Root
    var subresources = Subresources()
    var additionalPrinterColumns: [Column]
  }

  struct Root: Encodable, Sendable {
    var openAPIV3Schema: StructuralSchema
  }

  struct Subresources: Encodable, Sendable {
    let status = Empty()

    struct Empty: Encodable, Sendable {}
  }

  struct Column: Encodable, Sendable {
    var name: String
    var type: String
    var jsonPath: String
    /// Above 0 only `-o wide` shows it.
    var priority: Int?
  }
}

/// A structural schema (`apiextensions.k8s.io/v1` JSONSchemaProps), as far as Lobstack uses it.
struct StructuralSchema: Encodable, Sendable {
  var type: String?
  var description: String?
  var properties: [String: StructuralSchema]?
  var required: [String]?
  /// What every value of a mapping is.
  var additionalProperties: Box?
  var items: Box?
  var `enum`: [String]?
  var `default`: Value?
  var pattern: String?
  var format: String?
  var minimum: Int?
  var maximum: Int?
  var minLength: Int?
  var maxLength: Int?
  var minItems: Int?
  var maxItems: Int?
  var minProperties: Int?
  var maxProperties: Int?
  var listType: String?
  var listMapKeys: [String]?
  var isIntOrString: Bool?
  var rules: [Rule]?

  /// A schema within a schema.
  final class Box: Encodable, Sendable {
    let schema: StructuralSchema

    init(_ schema: StructuralSchema) { self.schema = schema }

    func encode(to encoder: any Encoder) throws { try schema.encode(to: encoder) }
  }

  /// A default.
  enum Value: Encodable, Sendable {
    case text(String), empty

    func encode(to encoder: any Encoder) throws {
      switch self {
      case .text(let text):
        var container = encoder.singleValueContainer()
        try container.encode(text)
      case .empty: try CustomResourceDefinition.Subresources.Empty().encode(to: encoder)
      }
    }
  }

  /// A condition in CEL (`x-kubernetes-validations`).
  struct Rule: Encodable, Sendable {
    var rule: String
    var message: String
  }

  private enum CodingKeys: String, CodingKey {
    case type, description, properties, required, additionalProperties, items, `enum`, `default`, pattern, format
    case minimum, maximum, minLength, maxLength, minItems, maxItems, minProperties, maxProperties
    case listType = "x-kubernetes-list-type"
    case listMapKeys = "x-kubernetes-list-map-keys"
    case isIntOrString = "x-kubernetes-int-or-string"
    case rules = "x-kubernetes-validations"
  }
}

extension StructuralSchema {
  static func text(
    _ description: String? = nil, pattern: String? = nil, longest: Int, default: String? = nil,
    choices: [String]? = nil, shortest: Int? = nil
  ) -> StructuralSchema {
    StructuralSchema(
      type: "string", description: description, enum: choices, default: `default`.map(Value.text), pattern: pattern,
      minLength: shortest, maxLength: longest)
  }

  static func list(
    of items: StructuralSchema, _ description: String? = nil, least: Int? = nil, most: Int, rules: [Rule]? = nil
  ) -> StructuralSchema {
    StructuralSchema(
      type: "array", description: description, items: Box(items), minItems: least, maxItems: most, rules: rules)
  }

  static func object(
    _ properties: [String: StructuralSchema], required: [String]? = nil, _ description: String? = nil,
    rules: [Rule]? = nil
  ) -> StructuralSchema {
    StructuralSchema(
      type: "object", description: description, properties: properties, required: required, rules: rules)
  }

  static func map(
    of value: StructuralSchema, _ description: String? = nil, most: Int, rules: [Rule]? = nil
  ) -> StructuralSchema {
    StructuralSchema(
      type: "object", description: description, additionalProperties: Box(value), maxProperties: most, rules: rules)
  }
}
