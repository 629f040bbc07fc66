import Documents

/// `core/v1` Namespace.
struct Namespace: ClusterObject {
  let apiVersion = "v1"
  let kind = "Namespace"
  var metadata: ObjectMeta
}

/// `core/v1` ResourceQuota: what all Pods of a namespace may use together, as quantities by resource.
struct ResourceQuota: ClusterObject {
  let apiVersion = "v1"
  let kind = "ResourceQuota"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable {
    var hard: [String: String]
  }
}

/// `core/v1` LimitRange: what each container has that asks for nothing, and the most that it may ask for.
struct LimitRange: ClusterObject {
  let apiVersion = "v1"
  let kind = "LimitRange"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable {
    var limits: [Limit]
  }

  struct Limit: Encodable {
    var type: String
    var `default`: [String: String]?
    var defaultRequest: [String: String]?
    var max: [String: String]?
    var min: [String: String]?
  }
}
