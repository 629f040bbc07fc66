import Documents

/// `secrets-store.csi.x-k8s.io/v1` SecretProviderClass: what a volume of secrets holds, and where it comes from.
struct SecretProviderClass: ClusterObject {
  let apiVersion = "secrets-store.csi.x-k8s.io/v1"
  let kind = "SecretProviderClass"
  var metadata: ObjectMeta
  var spec: Spec

  struct Spec: Encodable, Sendable {
    var provider: String
    var parameters: [String: String]
  }
}
