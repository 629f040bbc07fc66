import JSONValues

/// Whose an object is (`meta/v1` OwnerReference): it goes when its owners are gone.
package struct OwnerReference: Hashable, Sendable, Codable {
  package var apiVersion: String
  package var kind: String
  package var name: String
  package var uid: String
  package var controller: Bool?
  package var blockOwnerDeletion: Bool?

  /// A reference to what controls an object; of these it has one at most.
  package init(controller object: KubernetesObject) {
    apiVersion = object.apiVersion
    kind = object.kind
    name = object.name
    uid = object.uid ?? ""
    controller = true
    blockOwnerDeletion = true
  }
}

/// `metadata`.
extension KubernetesObject {
  package var name: String {
    get { self["metadata", "name"]?.string ?? "" }
    set { setMetadata("name", .string(newValue)) }
  }

  package var namespace: String? {
    get { self["metadata", "namespace"]?.string }
    set { setMetadata("namespace", newValue.map(JSON.string)) }
  }

  package var uid: String? { self["metadata", "uid"]?.string }

  /// The state of the object, to be compared for being the same and for nothing else.
  package var resourceVersion: String? {
    get { self["metadata", "resourceVersion"]?.string }
    set { setMetadata("resourceVersion", newValue.map(JSON.string)) }
  }

  /// Counts changes of what is desired.
  package var generation: Int? { self["metadata", "generation"]?.int }

  package var labels: [String: String] {
    get { strings("labels") }
    set { setMetadata("labels", newValue.isEmpty ? nil : .object(newValue.mapValues(JSON.string))) }
  }

  package var annotations: [String: String] {
    get { strings("annotations") }
    set { setMetadata("annotations", newValue.isEmpty ? nil : .object(newValue.mapValues(JSON.string))) }
  }

  package var finalizers: [String] {
    get { self["metadata", "finalizers"]?.array?.compactMap(\.string) ?? [] }
    set { setMetadata("finalizers", newValue.isEmpty ? nil : .array(newValue.map(JSON.string))) }
  }

  /// Those that are well formed, as the API server has them all.
  package var ownerReferences: [OwnerReference] {
    get { self["metadata", "ownerReferences"]?.array?.compactMap { try? $0.decoded() } ?? [] }
    set {
      setMetadata("ownerReferences", newValue.isEmpty ? nil : .array(newValue.compactMap { try? JSON(encoding: $0) }))
    }
  }

  /// RFC 3339; of an object that goes as soon as it has no finalizers.
  package var deletionTimestamp: String? { self["metadata", "deletionTimestamp"]?.string }
  package var isBeingDeleted: Bool { deletionTimestamp != nil }

  private func strings(_ key: String) -> [String: String] {
    self["metadata", key]?.object?.compactMapValues(\.string) ?? [:]
  }

  private mutating func setMetadata(_ key: String, _ value: JSON?) {
    var metadata = fields["metadata"]?.object ?? [:]
    metadata[key] = value
    fields["metadata"] = .object(metadata)
  }
}
