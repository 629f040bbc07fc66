import Rego

/// What exists beside the object that is reviewed, as policies see it (`data.inventory`).
package struct Inventory: Sendable {
  package private(set) var document: Value = .object(["cluster": .object([:]), "namespace": .object([:])])
  private var namespaces: [String: Value] = [:]

  package init(_ objects: [Value] = []) {
    var places: [(path: [String], object: Value)] = []
    for object in objects {
      guard let version = object["apiVersion"]?.text, let kind = object["kind"]?.text,
        let name = object["metadata", "name"]?.text
      else { continue }
      if kind == "Namespace", version == "v1" { namespaces[name] = object }
      if let namespace = object["metadata", "namespace"]?.text {
        places.append((["namespace", namespace, version, kind, name], object))
      } else {
        places.append((["cluster", version, kind, name], object))
      }
    }
    for (path, object) in places { document = Self.put(object, at: path[...], in: document) }
  }

  package func namespace(_ name: String) -> Value? { namespaces[name] }

  private static func put(_ value: Value, at path: ArraySlice<String>, in document: Value?) -> Value {
    guard let first = path.first else { return value }
    var object = document?.object ?? ObjectValue()
    object[.string(first)] = put(value, at: path.dropFirst(), in: object[first])
    return .object(object)
  }
}
