import AgentModel
import Blueprint
import Documents

/// What the documents of the platform are made of. Each part of them has a file beside this one.
struct Platform {
  let values: Values
  /// As it was read, for the operator, which reads it again.
  var valuesText = ""
  /// The policy as text, for components that read it as we do, and parsed.
  let texts: PolicyTexts
  let rules: Policy
  var agentIngress: AgentIngressConfiguration?

  var namespaceNames: Values.Namespaces { values.namespaces }
  var isInMesh: Bool { values.profile == .full }

  /// The labels of everything that belongs together; `name` alone selects it.
  static func labels(_ name: String) -> [String: String] {
    [
      "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "lobstack",
      "app.kubernetes.io/managed-by": "lobstack-render",
    ]
  }

  static func selector(_ name: String) -> LabelSelector {
    LabelSelector(matchLabels: ["app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "lobstack"])
  }

  static func meta(_ name: String, in namespace: String? = nil, of part: String? = nil) -> ObjectMeta {
    ObjectMeta(name: name, namespace: namespace, labels: labels(part ?? name))
  }
}

/// Labels that the API server itself sets, or that Kubernetes defines.
enum WellKnownLabel {
  /// A namespace's own name, set by the API server.
  static let namespace = "kubernetes.io/metadata.name"
  static let zone = "topology.kubernetes.io/zone"
  static let host = "kubernetes.io/hostname"
  /// Of Istio: whether Pods of a namespace get a proxy of the mesh.
  static let injection = "istio-injection"
}

/// On a namespace with agents: whose they are.
let tenantLabel = "lobstack.dev/tenant"
