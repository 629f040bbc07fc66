import KubernetesAPI

/// Names one object of a type.
package struct ObjectKey: Hashable, Sendable, CustomStringConvertible {
  package var namespace: String
  package var name: String

  package init(namespace: String, name: String) {
    self.namespace = namespace
    self.name = name
  }

  package init(_ object: KubernetesObject) {
    namespace = object.namespace ?? ""
    name = object.name
  }

  package var description: String { "\(namespace)/\(name)" }
}
