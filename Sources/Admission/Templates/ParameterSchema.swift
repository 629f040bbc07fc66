import Faults
import Manifests
import Rego

/// That a value does not fit its schema.
struct SchemaViolation: Error {
  var path: String
  var reason: String
}

/// The schema of a template's parameters: a structural schema of OpenAPI v3, as custom resources have them
/// (apiextensions.k8s.io/v1 JSONSchemaProps).
package struct ParameterSchema: Sendable {
  /// `nil` when anything goes.
  private let root: Schema?

  /// - Parameter validation: `spec.crd.spec.validation` of a template.
  /// - Throws: `Fault(.invalid)` for what is no schema, or has parts that are not supported.
  init(validation: Manifest?, isLegacy: Bool) throws {
    guard let validation else {
      root = nil
      return
    }
    var fields = try Fields(validation)
    let legacy = try fields.take("legacySchema")?.bool() ?? isLegacy
    root = try fields.take("openAPIV3Schema").map { try Schema($0, isLegacy: legacy) }
    try fields.finish()
  }

  /// - Returns: the value with defaults filled in.
  func checked(_ value: Value, path: String) throws(SchemaViolation) -> Value {
    guard let root else { return value }
    return try root.checked(value, path: path)
  }
}
