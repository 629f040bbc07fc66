import Documents

/// `core/v1` PersistentVolumeClaim.
struct PersistentVolumeClaimObject: ClusterObject {
  let apiVersion = "v1"
  let kind = "PersistentVolumeClaim"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var accessModes = ["ReadWriteOnce"]
    var storageClassName: String
    var resources: Requests
  }

  struct Requests: Encodable, Sendable {
    var requests: [String: String]
  }
}

/// `core/v1` ConfigMap.
struct ConfigMap: ClusterObject {
  let apiVersion = "v1"
  let kind = "ConfigMap"
  var metadata: ObjectMeta
  var data: [String: String]
}
