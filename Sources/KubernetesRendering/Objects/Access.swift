import Documents

/// `core/v1` ServiceAccount.
struct ServiceAccount: ClusterObject {
  let apiVersion = "v1"
  let kind = "ServiceAccount"
  var metadata: ObjectMeta
  var automountServiceAccountToken = false
}

/// `rbac.authorization.k8s.io/v1` ClusterRole, or Role when it has a namespace.
struct Role: ClusterObject {
  let apiVersion = "rbac.authorization.k8s.io/v1"
  let kind: String
  var metadata: ObjectMeta
  var rules: [Rule]

  init(metadata: ObjectMeta, rules: [Rule]) {
    kind = metadata.namespace == nil ? "ClusterRole" : "Role"
    self.metadata = metadata
    self.rules = rules
  }

  struct Rule: Encodable, Sendable {
    var apiGroups: [String]
    var resources: [String]
    var resourceNames: [String]?
    var verbs: [String]
  }
}

/// `rbac.authorization.k8s.io/v1` ClusterRoleBinding, or RoleBinding when it has a namespace, to service accounts.
struct RoleBinding: ClusterObject {
  let apiVersion = "rbac.authorization.k8s.io/v1"
  let kind: String
  var metadata: ObjectMeta
  var roleRef: Reference
  var subjects: [Subject]

  /// Binds the role to service accounts.
  ///
  /// - Parameter namespace: `nil` binds a ClusterRole in the whole cluster.
  init(_ name: String, namespace: String?, role: Role, accounts: [ObjectMeta]) {
    kind = namespace == nil ? "ClusterRoleBinding" : "RoleBinding"
    metadata = ObjectMeta(name: name, namespace: namespace, labels: role.metadata.labels)
    roleRef = Reference(kind: role.kind, name: role.metadata.name)
    subjects = accounts.map { Subject(name: $0.name, namespace: $0.namespace ?? "") }
  }

  struct Reference: Encodable, Sendable {
    let apiGroup = "rbac.authorization.k8s.io"
    var kind: String
    var name: String
  }

  struct Subject: Encodable, Sendable {
    let kind = "ServiceAccount"
    var name: String
    var namespace: String
  }
}
