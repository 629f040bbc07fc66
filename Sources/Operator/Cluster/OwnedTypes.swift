import KubernetesAPI

/// The types of what an agent is made of on a cluster.
struct OwnedType: Hashable, Sendable {
  let resource: ResourceType
  let kind: String
  /// Whether every cluster has it, or only one with the mesh, the CSI driver of secrets or agent-sandbox.
  let source: Source

  enum Source: Hashable, Sendable {
    case kubernetes, istio, secretsStore, agentSandbox
  }

  private init(
    _ plural: String, _ kind: String, group: String = "", version: String = "v1", _ source: Source = .kubernetes
  ) {
    resource = ResourceType(group: group, version: version, plural: plural)
    self.kind = kind
    self.source = source
  }

  static let pods = OwnedType("pods", "Pod")
  static let sandboxes = OwnedType(
    "sandboxes", "Sandbox", group: "agents.x-k8s.io", version: "v1beta1", .agentSandbox)
  /// What runs an agent: its Pod, or what makes that. Its controller would make a Pod anew, so it goes first.
  static let runners = [sandboxes, pods]
  static let secretClasses = OwnedType(
    "secretproviderclasses", "SecretProviderClass", group: "secrets-store.csi.x-k8s.io", .secretsStore)
  static let deployments = OwnedType("deployments", "Deployment", group: "apps")

  /// In the order of deletion: what runs goes first, what closes the network last.
  static let all: [OwnedType] = [
    sandboxes, pods, deployments,
    OwnedType("services", "Service"),
    secretClasses,
    OwnedType("configmaps", "ConfigMap"),
    OwnedType("persistentvolumeclaims", "PersistentVolumeClaim"),
    OwnedType("serviceaccounts", "ServiceAccount"),
    OwnedType("serviceentries", "ServiceEntry", group: "networking.istio.io", .istio),
    OwnedType("sidecars", "Sidecar", group: "networking.istio.io", .istio),
    OwnedType("authorizationpolicies", "AuthorizationPolicy", group: "security.istio.io", .istio),
    OwnedType("networkpolicies", "NetworkPolicy", group: "networking.k8s.io"),
  ]

  static func of(_ object: KubernetesObject) -> OwnedType? {
    all.first { $0.kind == object.kind && $0.resource.apiVersion == object.apiVersion }
  }
}

/// Names an object among those of all types.
struct OwnedID: Hashable, Sendable {
  var kind: String
  var name: String
}
