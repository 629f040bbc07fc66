import APIModel
import AgentModel
import Blueprint
import ChildProcess
import ClusterAgents
import Faults
import Foundation
import Glibc
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging
import Probes
import Synchronization
import TestSupport

@testable import ClusterNames

/// A cluster with what the name server needs of it applied, as far as an API server alone can be one.
struct NameServerWorld: Sendable {
  static let namespace = "lobstack-agents"
  static let pods = ResourceType(plural: "pods")
  private static let services = ResourceType(plural: "services")

  let server: KubernetesServer
  /// Of an administrator.
  let client: KubernetesClient

  static func with(_ body: (NameServerWorld) async throws -> Void) async throws {
    try await KubernetesServer.with { server in
      let client = try KubernetesClient(server.configuration(), fieldManager: "test")
      let world = NameServerWorld(server: server, client: client)
      let result: Result<Void, any Error>
      do {
        try await world.prepare()
        result = .success(try await body(world))
      } catch { result = .failure(error) }
      try await client.shutdown()
      try result.get()
    }
  }

  private static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "policy").path

  private static let types = [
    "Namespace": ResourceType(plural: "namespaces", isNamespaced: false),
    "CustomResourceDefinition": ResourceType(
      group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false),
    "ClusterRole": ResourceType(group: "rbac.authorization.k8s.io", plural: "clusterroles", isNamespaced: false),
    "RoleBinding": ResourceType(group: "rbac.authorization.k8s.io", plural: "rolebindings"),
  ]

  private func prepare() async throws {
    var values = Values()
    values.profile = .lean
    let manifests = try PlatformManifests(
      values: values, texts: PolicyTexts(directory: Self.policyDirectory),
      rules: Policy.load(directory: Self.policyDirectory))
    for file in manifests.files
    where ["namespaces.yaml", "operator/definition.yaml", "name-server/access.yaml"].contains(file.path) {
      guard case .objects(let objects) = file.content else { continue }
      for document in objects {
        var object = try KubernetesObject(encoding: document)
        guard let type = Self.types[object.kind] else { continue }
        // No controller makes tokens of service accounts here: the user "operator" is the name server.
        if object.fields["subjects"] != nil {
          object.fields["subjects"] = [
            ["apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "operator"]
          ]
        }
        try await client.apply(object, of: type)
      }
    }
    try await eventually("Agents are served") { try await client.serves(AgentObject.type) }
  }

  // MARK: Agents

  func agent(_ name: String, _ hosts: [JSON] = [["host": "api.example.com"]]) -> KubernetesObject {
    var object = KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent",
      "spec": ["image": "docker://registry.example.com/team/agent:1.4", "egress": .array(hosts)],
    ])
    object.name = name
    object.namespace = Self.namespace
    return object
  }

  func apply(_ agent: KubernetesObject) async throws { try await client.apply(agent, of: AgentObject.type) }

  /// An Agent, its Pod without an address, and its gateway's Service if it has an address.
  func make(_ name: String, gateway: String?, hosts: [JSON] = [["host": "api.example.com"]]) async throws {
    try await apply(agent(name, hosts))
    if let gateway { try await makeGateway(of: name, at: gateway) }
    var pod = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "spec": [
        "automountServiceAccountToken": false,
        "securityContext": ["runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": ["type": "RuntimeDefault"]],
        "containers": [
          [
            "name": "agent", "image": "registry.example.com/team/agent:1.4",
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ]
        ],
      ],
    ])
    pod.name = name
    pod.namespace = Self.namespace
    pod.labels = [AgentLabel.agent: "true", AgentLabel.name: name]
    try await client.create(pod, of: Self.pods)
  }

  func start(_ name: String, at address: String, gateway: String, hosts: [JSON] = [["host": "api.example.com"]])
    async throws
  {
    try await make(name, gateway: gateway, hosts: hosts)
    try await setPod(name, at: address)
  }

  func makeGateway(of name: String, at address: String) async throws {
    guard let agent = AgentName(name) else { return }
    var service = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Service",
      "spec": ["clusterIP": .string(address), "ports": [["name": "tls", "port": 443]]],
    ])
    service.name = AgentNames(agent).gatewayService
    service.namespace = Self.namespace
    service.labels = ["app.kubernetes.io/name": AgentNames.gatewayPart, AgentLabel.name: name]
    try await client.apply(service, of: Self.services)
  }

  /// Has a Pod be as a kubelet would tell it.
  func setPod(_ name: String, at address: String, phase: String = "Running") async throws {
    try await client.patch(
      .merge([
        "status": ["phase": .string(phase), "podIP": .string(address), "podIPs": [["ip": .string(address)]]]
      ]), Self.pods, name, namespace: Self.namespace, subresource: "status")
  }

  func delete(_ type: ResourceType, _ name: String) async throws {
    try await client.delete(type, name, namespace: Self.namespace)
  }

  // MARK: The server

  /// Runs a name server while a body runs.
  ///
  /// - Parameter isAwaited: whether to wait until it is ready.
  func serving(
    tenants: [String] = ["default"], isAwaited: Bool = true, _ body: (RunningServer) async throws -> Void
  ) async throws {
    let quotas = tenants.map { "\($0): " }.joined(separator: ", ")
    let values = try Values("tenants: {\(quotas)}", source: "values")
    // With the rights that are rendered, and no others.
    let client = try KubernetesClient(
      server.configuration(user: "operator"), fieldManager: "test", patience: .milliseconds(500))
    let denials = TestDenials()
    let service = try NameServerService(
      client,
      NameServerService.Settings(
        values: values, address: IPv4Address(bits: 0x7f00_0001), port: 0,
        probes: ListenAddress(host: "127.0.0.1", port: 0)),
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, report: { denial in denials.add(denial) })
    let probes = Mutex(0)
    let task = Task { try await service.run(probing: { port in probes.withLock { $0 = port } }) }
    let result: Result<Void, any Error>
    do {
      try await eventually("it runs") { probes.withLock { $0 } != 0 && (service.isReady || !isAwaited) }
      let running = RunningServer(port: service.port, probes: probes.withLock { $0 }, told: denials)
      result = .success(try await body(running))
    } catch { result = .failure(error) }
    task.cancel()
    _ = await task.result
    try await client.shutdown()
    try result.get()
  }
}

final class TestDenials: Sendable {
  private let denials = Mutex<[DenialResource]>([])

  var all: [DenialResource] { denials.withLock { $0 } }

  func add(_ denial: DenialResource) { denials.withLock { $0.append(denial) } }
}

struct RunningServer: Sendable {
  let port: UInt16
  let probes: Int
  let told: TestDenials

  var denials: [DenialResource] { told.all }

  func socket(from source: String, _ kind: __socket_type = SOCK_DGRAM) throws -> TestSocket {
    try TestSocket(kind, from: source, to: port)
  }

  /// The address of a name, or the code with which it has none.
  func ask(_ name: String, from source: String, _ kind: __socket_type = SOCK_DGRAM) throws -> String {
    let socket = try socket(from: source, kind)
    let answer: [UInt8]?
    if kind == SOCK_DGRAM {
      socket.send(query(name))
      answer = socket.receive()
    } else {
      socket.send(framed(query(name)))
      answer = socket.receiveMessage()
    }
    guard let answer, let code = code(answer) else { return "no answer" }
    return code == 0 && answer[7] == 1 ? answer.suffix(4).map(String.init).joined(separator: ".") : "code \(code)"
  }

  /// The status, then the text.
  func probe(_ path: String) async throws -> String {
    try await Command(
      "curl", ["--silent", "--max-time", "5", "--include", "http://127.0.0.1:\(probes)\(path)"]
    ).check()
  }
}

/// - Throws: `Fault(.timedOut)` when it is not so in time.
func eventually(_ what: String, within limit: Duration = .seconds(20), _ isSo: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + limit
  while ContinuousClock.now < end {
    if try await isSo() { return }
    try await Task.sleep(for: .milliseconds(20))
  }
  throw Fault(.timedOut, operation: "wait until \(what)", reason: "it is not so", remedy: "see the name server")
}
