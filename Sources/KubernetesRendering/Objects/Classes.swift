import Documents

/// `scheduling.k8s.io/v1` PriorityClass.
struct PriorityClass: ClusterObject {
  let apiVersion = "scheduling.k8s.io/v1"
  let kind = "PriorityClass"
  var metadata: ObjectMeta
  var value: Int
  var globalDefault = false
  var description: String
}

/// `node.k8s.io/v1` RuntimeClass.
struct RuntimeClass: ClusterObject {
  let apiVersion = "node.k8s.io/v1"
  let kind = "RuntimeClass"
  var metadata: ObjectMeta
  /// The runtime's name in the nodes' configuration of containerd.
  var handler: String
  var overhead: Overhead
  var scheduling: Scheduling

  struct Overhead: Encodable {
    var podFixed: [String: String]
  }

  struct Scheduling: Encodable {
    var nodeSelector: [String: String]
    var tolerations: [Toleration]
  }
}

/// A taint that a Pod bears (`core/v1` Toleration).
struct Toleration: Encodable, Sendable {
  var key: String?
  var `operator`: String
  var value: String?
  var effect: String?
}

/// `storage.k8s.io/v1` StorageClass.
struct StorageClass: ClusterObject {
  let apiVersion = "storage.k8s.io/v1"
  let kind = "StorageClass"
  var metadata: ObjectMeta
  var provisioner: String
  var parameters: [String: String]?
  var reclaimPolicy: String
  var volumeBindingMode = "WaitForFirstConsumer"
  var allowVolumeExpansion = true
}
