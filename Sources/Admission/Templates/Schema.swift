import Faults
import Manifests
import Rego

/// A schema, or a part of one.
final class Schema: Sendable {
  enum Kind: String {
    case object, array, string, integer, number, boolean
  }

  struct Bounds {
    var least: Number?
    var most: Number?
    var excludesLeast = false
    var excludesMost = false
  }

  let kind: Kind?
  let isIntOrString: Bool
  let isNullable: Bool
  let keepsUnknown: Bool
  let properties: [String: Schema]
  let additional: Schema?
  let allowsAdditional: Bool
  let items: Schema?
  let required: [String]
  let allowed: [Value]?
  let defaultValue: Value?
  let pattern: Expression?
  let bounds: Bounds
  let multipleOf: Int?
  let length: ClosedRange<Int>
  let count: ClosedRange<Int>
  let entries: ClosedRange<Int>
  let hasUniqueItems: Bool
  let all: [Schema]
  let any: [Schema]
  let one: [Schema]
  let not: Schema?

  /// - Parameter isLegacy: whether what a schema does not speak of is allowed.
  init(_ manifest: Manifest, isLegacy: Bool) throws {
    var fields = try Fields(manifest)
    for name in [
      "title", "description", "example", "externalDocs", "format", "x-kubernetes-list-type", "x-kubernetes-map-type",
      "x-kubernetes-list-map-keys", "x-kubernetes-embedded-resource",
    ] { _ = fields.take(name) }
    func schema(_ manifest: Manifest) throws -> Schema { try Schema(manifest, isLegacy: isLegacy) }
    func number(_ field: Manifest?) throws -> Number? {
      guard let field else { return nil }
      guard case .number(let number) = Value(field) else {
        throw field.fault("expected a number, found \(field.kind)", remedy: "write a number without quotes")
      }
      return number
    }
    func range(_ least: String, _ most: String, _ fields: inout Fields) throws -> ClosedRange<Int> {
      let low = try fields.take(least)?.int(in: 0...Int(Int32.max)) ?? 0
      let high = try fields.take(most)?.int(in: 0...Int(Int32.max)) ?? .max
      guard low <= high else {
        throw manifest.fault("\(least) is greater than \(most)", remedy: "correct one of them")
      }
      return low...high
    }
    kind = try fields.take("type").map { field in
      guard let kind = Kind(rawValue: try field.string()) else {
        throw field.fault(
          "'\(try field.string())' is no type", remedy: "use object, array, string, integer, number or boolean")
      }
      return kind
    }
    isIntOrString = try fields.take("x-kubernetes-int-or-string")?.bool() ?? false
    isNullable = try fields.take("nullable")?.bool() ?? false
    properties = Dictionary(
      try fields.take("properties")?.entries().map { ($0.key, try schema($0.value)) } ?? [],
      uniquingKeysWith: { first, _ in first })
    let additional = fields.take("additionalProperties")
    if let additional, case .bool(let value) = additional.value {
      (self.additional, allowsAdditional) = (nil, value)
    } else {
      self.additional = try additional.map(schema)
      allowsAdditional = additional != nil
    }
    keepsUnknown = try fields.take("x-kubernetes-preserve-unknown-fields")?.bool() ?? false || isLegacy
    items = try fields.take("items").map(schema)
    required = try fields.take("required")?.strings() ?? []
    allowed = try fields.take("enum")?.list().map(Value.init)
    defaultValue = fields.take("default").map(Value.init)
    pattern = try fields.take("pattern").map { field in
      guard let expression = Expression(try field.string()) else {
        throw field.fault("'\(try field.string())' is no regular expression", remedy: "write one that RE2 takes")
      }
      return expression
    }
    bounds = Bounds(
      least: try number(fields.take("minimum")), most: try number(fields.take("maximum")),
      excludesLeast: try fields.take("exclusiveMinimum")?.bool() ?? false,
      excludesMost: try fields.take("exclusiveMaximum")?.bool() ?? false)
    multipleOf = try fields.take("multipleOf")?.int(in: 1...Int(Int32.max))
    length = try range("minLength", "maxLength", &fields)
    count = try range("minItems", "maxItems", &fields)
    entries = try range("minProperties", "maxProperties", &fields)
    hasUniqueItems = try fields.take("uniqueItems")?.bool() ?? false
    all = try fields.take("allOf")?.list().map(schema) ?? []
    any = try fields.take("anyOf")?.list().map(schema) ?? []
    one = try fields.take("oneOf")?.list().map(schema) ?? []
    not = try fields.take("not").map(schema)
    try fields.finish()
    if let defaultValue {
      do throws(SchemaViolation) { _ = try checked(defaultValue, path: "default") } catch {
        throw manifest.fault("\(error.path): \(error.reason)", remedy: "correct the default")
      }
    }
  }
}
