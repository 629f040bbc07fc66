import AgentModel
import Blueprint
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging
import TestSupport
import Testing

@testable import Operator

/// A cluster with the platform's documents of profile lean applied, as far as an API server alone can be one.
struct OperatorWorld: Sendable {
  static let namespace = "lobstack-agents"

  let server: KubernetesServer
  /// Of an administrator.
  let client: KubernetesClient
  let values: Values
  let policy: Policy

  static func with(_ body: (OperatorWorld) async throws -> Void) async throws {
    try await KubernetesServer.with { server in
      let client = try KubernetesClient(server.configuration(), fieldManager: "test")
      let result: Result<Void, any Error>
      do {
        var values = Values()
        values.profile = .lean
        let world = OperatorWorld(
          server: server, client: client, values: values,
          policy: try Policy.load(directory: policyDirectory))
        try await world.prepare()
        result = .success(try await body(world))
      } catch { result = .failure(error) }
      try await client.shutdown()
      try result.get()
    }
  }

  static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "policy").path

  private static let gateway = GatewayConfiguration(
    arguments: ["-c", "/etc/envoy/envoy.json"], files: { agent, _ in ["envoy.json": "\(agent.spec.egress.count)"] })

  /// What an Agent needs of the cluster before there is one.
  func prepare() async throws {
    try await applyPlatform(Self.types)
    try await eventually("Agents are served") { try await client.serves(AgentObject.type) }
  }

  func applyGuards() async throws {
    try await applyPlatform([
      "ValidatingAdmissionPolicy": Self.admission("validatingadmissionpolicies"),
      "ValidatingAdmissionPolicyBinding": Self.admission("validatingadmissionpolicybindings"),
    ])
  }

  private static func admission(_ plural: String) -> ResourceType {
    ResourceType(group: "admissionregistration.k8s.io", plural: plural, isNamespaced: false)
  }

  /// The platform's objects of some types.
  private func applyPlatform(_ types: [String: ResourceType]) async throws {
    for var object in try rendered() {
      // No controller makes tokens of service accounts here: users of their names have their rights.
      if let account = object.fields["subjects"]?.array?.first?["name"]?.string {
        object.fields["subjects"] = [
          ["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": .string(account)]
        ]
      }
      guard let type = types[object.kind] else { continue }
      try await client.apply(object, of: type)
    }
  }

  func rendered() throws -> [KubernetesObject] {
    let manifests = try PlatformManifests(
      values: values, texts: PolicyTexts(directory: Self.policyDirectory), rules: policy)
    return try manifests.files.flatMap { file -> [KubernetesObject] in
      guard case .objects(let objects) = file.content else { return [] }
      return try objects.map { try KubernetesObject(encoding: $0) }
    }
  }

  private static let types = [
    "Namespace": ResourceType(plural: "namespaces", isNamespaced: false),
    "RuntimeClass": ResourceType(group: "node.k8s.io", plural: "runtimeclasses", isNamespaced: false),
    "PriorityClass": ResourceType(group: "scheduling.k8s.io", plural: "priorityclasses", isNamespaced: false),
    "ResourceQuota": ResourceType(plural: "resourcequotas"),
    "LimitRange": ResourceType(plural: "limitranges"),
    "NetworkPolicy": ResourceType(group: "networking.k8s.io", plural: "networkpolicies"),
    "Role": ResourceType(group: "rbac.authorization.k8s.io", plural: "roles"),
    "ClusterRole": ResourceType(group: "rbac.authorization.k8s.io", plural: "clusterroles", isNamespaced: false),
    "RoleBinding": ResourceType(group: "rbac.authorization.k8s.io", plural: "rolebindings"),
    "ClusterRoleBinding": ResourceType(
      group: "rbac.authorization.k8s.io", plural: "clusterrolebindings", isNamespaced: false),
    "CustomResourceDefinition": ResourceType(
      group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false),
  ]

  /// How an operator reaches the API server.
  struct Connection: Sendable {
    var port = KubernetesServer.port
    var tokenFile: String?
    /// Such that a test need not wait for long.
    var timing = LeaderElection.Timing(lease: .seconds(3), renewal: .seconds(2), retry: .milliseconds(200))
  }

  /// Runs an operator, or several, while a body runs.
  func operated(
    _ identities: [String] = ["one"], values: Values? = nil, secretsManager: SecretsManager? = nil,
    connection: Connection = Connection(),
    _ body: ([String: Task<Void, any Error>]) async throws -> Void
  ) async throws {
    var tasks: [String: Task<Void, any Error>] = [:]
    for identity in identities {
      let settings = OperatorService.Settings(
        values: values ?? self.values, policy: policy, gateway: Self.gateway, secretsManager: secretsManager,
        namespace: self.values.namespaces.controlPlane,
        identity: identity, timing: connection.timing)
      tasks[identity] = Task {
        // With the rights that are rendered, and no others.
        let configuration = try server.configuration(
          user: "operator", port: connection.port, tokenFile: connection.tokenFile)
        let client = try KubernetesClient(configuration, fieldManager: OperatorService.fieldManager)
        let lease = try KubernetesClient(configuration, fieldManager: OperatorService.fieldManager)
        let service = OperatorService(
          client, lease: lease, settings, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Void, any Error>
        do { result = .success(try await service.run()) } catch { result = .failure(error) }
        for client in [client, lease] { try await client.shutdown() }
        try result.get()
      }
    }
    let result: Result<Void, any Error>
    do { result = .success(try await body(tasks)) } catch { result = .failure(error) }
    for task in tasks.values { task.cancel() }
    for task in tasks.values { _ = await task.result }
    try result.get()
  }

  /// The document of an Agent.
  func agent(_ name: String, _ spec: JSON = [:]) -> KubernetesObject {
    var fields = spec.object ?? [:]
    fields["image"] = fields["image"] ?? "docker://registry.example.com/team/agent:1.4"
    var object = KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent", "spec": .object(fields),
    ])
    object.name = name
    object.namespace = Self.namespace
    return object
  }

  @discardableResult
  func apply(_ agent: KubernetesObject) async throws -> KubernetesObject {
    try await client.apply(agent, of: AgentObject.type)
  }

  /// Everything that the operator made, by kind and name.
  func made() async throws -> Set<String> {
    var all: Set<String> = []
    for type in OwnedType.all where type.source == .kubernetes {
      let list = try await client.list(
        type.resource, namespace: Self.namespace, Selection(labels: "\(Expander.managedBy)=\(Expander.manager)"))
      all.formUnion(list.objects.map { "\(type.kind)/\($0.name)" })
    }
    return all
  }

  func condition(_ kind: Condition.Kind, of agent: String) async throws -> JSON? {
    let object = try await client.get(AgentObject.type, agent, namespace: Self.namespace)
    return object["status", "conditions"]?.array?.first { $0["type"]?.string == kind.rawValue }
  }

  /// The Pod of an agent.
  func pod(_ name: String) async throws -> KubernetesObject? {
    try await client.list(
      OwnedType.pods.resource, namespace: Self.namespace, Selection(labels: "lobstack.dev/name=\(name)")
    ).objects.first
  }

  /// Has a Pod be as a kubelet would tell it.
  func setPod(_ name: String, _ status: JSON) async throws {
    let pod = try #require(try await pod(name))
    try await client.patch(
      .merge(["status": status]), OwnedType.pods.resource, pod.name, namespace: Self.namespace, subresource: "status")
  }
}

extension OperatorWorld {
  /// Has the gateway of an agent be ready, as its controller would tell it.
  func setGatewayReady(_ name: String) async throws {
    let (type, gateway) = (OwnedType.deployments.resource, AgentNames(try #require(AgentName(name))).gateway)
    let deployment = try await client.get(type, gateway, namespace: Self.namespace)
    try await client.patch(
      .merge([
        "status": [
          "observedGeneration": .int(deployment.generation ?? 0), "replicas": 1, "updatedReplicas": 1,
          "readyReplicas": 1, "availableReplicas": 1,
        ]
      ]), type, gateway, namespace: Self.namespace, subresource: "status")
  }

  /// The hosts outside that an agent's gateway knows, as many as there are.
  func openHosts(_ name: String) async throws -> String? {
    let files = AgentNames(try #require(AgentName(name))).gateway
    let object = try? await client.get(ResourceType(plural: "configmaps"), files, namespace: Self.namespace)
    return object?["data", "envoy.json"]?.string
  }

  /// Has the API server serve a type of another program's, whatever its objects say.
  func serve(_ type: OwnedType) async throws {
    let anything: JSON = ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
    let schema: JSON = ["type": "object", "properties": ["spec": anything, "status": anything]]
    let (group, plural) = (type.resource.group, type.resource.plural)
    var definition = KubernetesObject(fields: [
      "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
      "spec": [
        "group": .string(group), "scope": "Namespaced",
        "names": [
          "kind": .string(type.kind), "plural": .string(plural), "singular": .string(type.kind.lowercased()),
        ],
        "versions": [
          [
            "name": .string(type.resource.version), "served": true, "storage": true,
            "schema": ["openAPIV3Schema": schema], "subresources": ["status": [:]],
          ]
        ],
      ],
    ])
    definition.name = "\(plural).\(group)"
    // The API server wants to be told of a group that is Kubernetes' own.
    definition.annotations = ["api-approved.kubernetes.io": "unapproved, a test"]
    let definitions = ResourceType(
      group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false)
    try await client.create(definition, of: definitions)
    try await eventually("\(plural) are served") { try await client.serves(type.resource) }
  }

  /// Lets go of what waits for a controller that is not here: claims, and deployments whose Pods go first.
  func releaseDeleted() async throws {
    for type in [ResourceType(plural: "persistentvolumeclaims"), OwnedType.deployments.resource] {
      for object in try await client.list(type, namespace: Self.namespace).objects where object.isBeingDeleted {
        _ = try? await client.patch(
          .merge(["metadata": ["finalizers": .null]]), type, object.name, namespace: Self.namespace)
      }
    }
  }
}

/// - Throws: `Fault(.timedOut)` when it is not so in time.
func eventually(_ what: String, within limit: Duration = .seconds(20), _ isSo: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + limit
  while ContinuousClock.now < end {
    if try await isSo() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  throw Fault(.timedOut, operation: "wait until \(what)", reason: "it is not so", remedy: "see what the operator logs")
}
