import JSONValues
import TestSupport
import Testing

@testable import KubernetesAPI

/// What holds with a real kube-apiserver: `KUBE_APISERVER=path`, with `etcd` of Debian on PATH or `ETCD=path`.
@Suite(
  "A real API server", .withKubernetes, .serialized, .timeLimit(.minutes(5)),
  .enabled(if: KubernetesServer.isThere, "KUBE_APISERVER names no kube-apiserver"))
enum RealServer {}

/// Gives a suite one API server for all its tests: a start takes seconds.
struct WithKubernetes: SuiteTrait, TestScoping {
  var isRecursive: Bool { false }

  func provideScope(
    for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
  ) async throws {
    // Configmaps are not held in its memory, so that what etcd forgets is gone.
    try await KubernetesServer.with(arguments: ["--watch-cache-sizes=configmaps#0"]) { server in
      try await KubernetesServer.$ofSuite.withValue(server) { try await function() }
    }
  }
}

extension Trait where Self == WithKubernetes {
  static var withKubernetes: WithKubernetes { WithKubernetes() }
}

extension KubernetesServer {
  /// The server of the suite that a test belongs to.
  @TaskLocal static var ofSuite: KubernetesServer?

  /// Runs `body` as the administrator, in a namespace of its own.
  static func withNamespace(
    manager: String = "test", _ body: (KubernetesServer, KubernetesClient, String) async throws -> Void
  ) async throws {
    let server = try #require(ofSuite)
    try await KubernetesClient.with(server.configuration(), fieldManager: manager) { client in
      let name = "test-\(UInt32.random(in: .min ... .max))"
      let namespace = KubernetesObject(fields: [
        "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)],
      ])
      try await client.create(namespace, of: .namespaces)
      try await body(server, client, name)
    }
  }
}

extension ResourceType {
  static let namespaces = ResourceType(plural: "namespaces", isNamespaced: false)
  static let configMaps = ResourceType(plural: "configmaps")
  static let definitions = ResourceType(
    group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false)
  static let roles = ResourceType(group: "rbac.authorization.k8s.io", plural: "roles")
  static let roleBindings = ResourceType(group: "rbac.authorization.k8s.io", plural: "rolebindings")
}

extension KubernetesObject {
  static func configMap(_ name: String, in namespace: String, _ data: [String: JSON] = [:]) -> KubernetesObject {
    KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "ConfigMap",
      "metadata": ["name": .string(name), "namespace": .string(namespace)], "data": .object(data),
    ])
  }
}

extension KubernetesClient {
  /// Gives a user rights in a namespace, by a role and a binding of the user's name.
  func allow(_ user: String, _ rules: JSON, in namespace: String) async throws {
    let metadata: JSON = ["name": .string(user), "namespace": .string(namespace)]
    let (version, group): (JSON, JSON) = ("rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io")
    try await apply(
      KubernetesObject(fields: ["apiVersion": version, "kind": "Role", "metadata": metadata, "rules": rules]),
      of: .roles)
    try await apply(
      KubernetesObject(fields: [
        "apiVersion": version, "kind": "RoleBinding", "metadata": metadata,
        "roleRef": ["apiGroup": group, "kind": "Role", "name": .string(user)],
        "subjects": [["apiGroup": group, "kind": "User", "name": .string(user)]],
      ]), of: .roleBindings)
  }
}
