import Faults
import Manifests
import Rego

/// A policy put to use: what a template is to be asked about, with which parameters, and what follows
/// (constraints.gatekeeper.sh/v1beta1).
package struct Constraint: Sendable {
  package let kind: String
  package let name: String
  let match: Match
  let parameters: Value
  let enforcement: Enforcement

  /// - Parameter templates: by kind.
  /// - Throws: `Fault(.invalid)` with the place of what is wrong.
  init(_ document: Manifest, templates: [String: ConstraintTemplate]) throws {
    var fields = try Fields(document)
    _ = fields.take("apiVersion")
    kind = try fields.require("kind").string()
    name = try Self.name(fields.require("metadata"))
    guard let template = templates[kind] else {
      throw document.fault(
        "there is no ConstraintTemplate of the kind \(kind)",
        remedy: templates.isEmpty
          ? "add the template" : "use one of: \(templates.keys.sorted().joined(separator: ", "))")
    }
    var (match, enforcement, parameters) = (Match(), Enforcement(), Manifest?.none)
    if let spec = fields.take("spec") {
      var spec = try Fields(spec)
      enforcement = try Enforcement(&spec)
      match = try spec.take("match").map(Match.init) ?? Match()
      parameters = spec.take("parameters")
      try spec.finish()
    }
    _ = fields.take("status")
    try fields.finish()
    (self.match, self.enforcement) = (match, enforcement)
    let given = parameters.map { Value($0) } ?? .object([:])
    do throws(SchemaViolation) {
      self.parameters = try template.parameters.checked(given, path: "spec.parameters")
    } catch {
      throw (parameters ?? document).fault(
        "\(error.path): \(error.reason)", remedy: "see the schema of the template \(template.name)")
    }
  }

  /// What follows a violation at a point, of several actions the hardest; `nil` where it is not asked.
  package func action(at point: EnforcementPoint) -> EnforcementAction? { enforcement.actions(at: point).min() }

  private static func name(_ metadata: Manifest) throws -> String {
    var metadata = try Fields(metadata)
    return try metadata.require("name").string()
  }
}
