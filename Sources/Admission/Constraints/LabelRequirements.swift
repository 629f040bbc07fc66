import Manifests
import Rego

/// A label selector (`meta/v1` LabelSelector): all of it has to match.
struct LabelRequirements: Sendable {
  private enum Operator: String {
    case isIn = "In"
    case isNotIn = "NotIn"
    case exists = "Exists"
    case doesNotExist = "DoesNotExist"
  }

  private struct Expression {
    var key: String
    var `operator`: Operator
    var values: Set<String>
  }

  private let labels: [String: String]
  private let expressions: [Expression]

  init(_ manifest: Manifest) throws {
    var fields = try Fields(manifest)
    labels = try fields.take("matchLabels")?.stringMap() ?? [:]
    expressions = try fields.take("matchExpressions")?.list().map(Self.expression) ?? []
    try fields.finish()
  }

  private static func expression(_ manifest: Manifest) throws -> Expression {
    var fields = try Fields(manifest)
    let key = try fields.require("key").string()
    let name = try fields.require("operator")
    guard let `operator` = Operator(rawValue: try name.string()) else {
      throw name.fault(
        "'\(try name.string())' is no operator", remedy: "use In, NotIn, Exists or DoesNotExist")
    }
    let values = try fields.take("values")?.strings() ?? []
    try fields.finish()
    let needsValues = `operator` == .isIn || `operator` == .isNotIn
    guard values.isEmpty != needsValues else {
      throw manifest.fault(
        "\(`operator`.rawValue) \(needsValues ? "has no values" : "has values")",
        remedy: needsValues ? "list them" : "leave them out")
    }
    return Expression(key: key, operator: `operator`, values: Set(values))
  }

  func match(_ own: [String: String]) -> Bool {
    labels.allSatisfy { own[$0.key] == $0.value }
      && expressions.allSatisfy { expression in
        let value = own[expression.key]
        return switch expression.operator {
        case .isIn: value.map(expression.values.contains) ?? false
        case .isNotIn: !(value.map(expression.values.contains) ?? false)
        case .exists: value != nil
        case .doesNotExist: value == nil
        }
      }
  }
}
