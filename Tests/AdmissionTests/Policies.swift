import Admission
import Rego

/// Policies and objects for tests.
enum Policies {
  static func template(
    _ rego: String, kind: String = "Labels",
    schema: String = "type: object\nx-kubernetes-preserve-unknown-fields: true",
    name: String? = nil, version: String = "v1", libraries: [String] = []
  ) -> String {
    func block(_ text: String, _ indent: Int) -> String {
      text.split(separator: "\n", omittingEmptySubsequences: false)
        .map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }
    let libs =
      libraries.isEmpty
      ? "" : "\n      libs:\n" + libraries.map { "        - |\n" + block($0, 10) }.joined(separator: "\n")
    return """
      apiVersion: templates.gatekeeper.sh/\(version)
      kind: ConstraintTemplate
      metadata:
        name: \(name ?? kind.lowercased())
      spec:
        crd:
          spec:
            names:
              kind: \(kind)
            validation:
              openAPIV3Schema:
      \(block(schema, 10))
        targets:
          - target: admission.k8s.gatekeeper.sh
            rego: |
      \(block(rego, 8))\(libs)
      """
  }

  static let labels = template(
    """
    package labels
    violation[{"msg": msg, "details": {"field": "metadata.labels"}}] {
      missing := {key | key := input.parameters.labels[_]} - {key | input.review.object.metadata.labels[key]}
      count(missing) > 0
      msg := sprintf("missing labels: %v", [missing])
    }
    """,
    schema: """
      type: object
      properties:
        labels:
          type: array
          default: [owner]
          items:
            type: string
      """)

  static func constraint(_ spec: String = "{}", kind: String = "Labels", name: String = "labels") -> String {
    let lines = spec.split(separator: "\n", omittingEmptySubsequences: false).map { "  \($0)" }.joined(separator: "\n")
    return """
      apiVersion: constraints.gatekeeper.sh/v1beta1
      kind: \(kind)
      metadata:
        name: \(name)
      spec:
      \(lines)
      """
  }

  static func set(_ texts: String...) throws -> PolicySet {
    try PolicySet(texts.enumerated().map { PolicyFile(path: "p\($0.offset).yaml", text: $0.element) })
  }

  static func review(_ yaml: String) throws -> Review {
    let objects = try ObjectText.parse(yaml, source: "object.yaml")
    guard let first = objects.first else { throw BrokenPolicies([]) }
    return try Review.of(first.value)
  }

  static let pod = """
    apiVersion: v1
    kind: Pod
    metadata: {name: web, namespace: shop, labels: {tier: front}}
    spec: {containers: [{name: a, image: x}]}
    """
}
