import KubernetesAPI

extension ResourceType {
  static let namespaces = ResourceType(plural: "namespaces", isNamespaced: false)
  static let nodes = ResourceType(plural: "nodes", isNamespaced: false)
  static let pods = ResourceType(plural: "pods")
  static let services = ResourceType(plural: "services")
  static let serviceAccounts = ResourceType(plural: "serviceaccounts")
  static let configMaps = ResourceType(plural: "configmaps")
  static let secrets = ResourceType(plural: "secrets")
  static let events = ResourceType(plural: "events")
  static let deployments = ResourceType(group: "apps", plural: "deployments")
  static let secretProviderClasses = ResourceType(group: "secrets-store.csi.x-k8s.io", plural: "secretproviderclasses")
  static let csiNodes = ResourceType(group: "storage.k8s.io", plural: "csinodes", isNamespaced: false)
  static let agents = ResourceType(group: "lobstack.dev", plural: "agents")
  static let statefulSets = ResourceType(group: "apps", plural: "statefulsets")
  static let roleBindings = ResourceType(group: "rbac.authorization.k8s.io", plural: "rolebindings")
  static let volumeClaims = ResourceType(plural: "persistentvolumeclaims")
  static let volumes = ResourceType(plural: "persistentvolumes", isNamespaced: false)
  static let storageClasses = ResourceType(group: "storage.k8s.io", plural: "storageclasses", isNamespaced: false)
  static let daemonSets = ResourceType(group: "apps", plural: "daemonsets")
  static let networkPolicies = ResourceType(group: "networking.k8s.io", plural: "networkpolicies")
  static let accessReviews = ResourceType(
    group: "authorization.k8s.io", plural: "subjectaccessreviews", isNamespaced: false)
  static let validatingWebhooks = ResourceType(
    group: "admissionregistration.k8s.io", plural: "validatingwebhookconfigurations", isNamespaced: false)
}
