import AgentModel
import Blueprint
import ChildProcess
import Faults
import Foundation
import Glibc
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing

/// A real API server with the platform's documents of profile lean, and control planes of the real program in front of
/// it, each with the rights that are rendered and no others.
struct ClusterWorld: Sendable {
  let server: KubernetesServer
  /// Of an administrator.
  let client: KubernetesClient
  private let values: Values

  private static let port = 7443
  private static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../policy").standardizedFileURL.path

  static func with(_ body: (ClusterWorld) async throws -> Void) async throws {
    try await KubernetesServer.with { server in
      let client = try KubernetesClient(server.configuration(), fieldManager: "test")
      let result: Result<Void, any Error>
      do {
        let text = "{profile: lean, tenants: {default: {}, acme: {}}}"
        try text.write(toFile: "\(server.directory)/values.yaml", atomically: true, encoding: .utf8)
        let world = ClusterWorld(server: server, client: client, values: try Values(text, source: "values"))
        try await world.prepare()
        result = .success(try await body(world))
      } catch { result = .failure(error) }
      try await client.shutdown()
      try result.get()
    }
  }

  func namespace(_ tenant: TenantName) -> String { values.namespace(of: tenant) }

  private func prepare() async throws {
    let policy = try Policy.load(directory: Self.policyDirectory)
    let manifests = try PlatformManifests(
      values: values, texts: PolicyTexts(directory: Self.policyDirectory), rules: policy)
    for file in manifests.files {
      guard case .objects(let objects) = file.content else { continue }
      for document in objects {
        let object = try KubernetesObject(encoding: document)
        if let type = Self.types[object.kind] { try await client.apply(object, of: type) }
      }
    }
    try await eventually("Agents are served", within: .seconds(20)) {
      try await client.serves(ResourceType(group: "lobstack.dev", plural: "agents"))
    }
    try await server.certificate("plane", subject: "/CN=plane", names: "IP:\(server.address)")
  }

  private static let types = [
    "Namespace": ResourceType(plural: "namespaces", isNamespaced: false),
    "ServiceAccount": ResourceType(plural: "serviceaccounts"),
    "Role": rbac("roles"), "ClusterRole": rbac("clusterroles", isNamespaced: false),
    "RoleBinding": rbac("rolebindings"), "ClusterRoleBinding": rbac("clusterrolebindings", isNamespaced: false),
    "CustomResourceDefinition": ResourceType(
      group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false),
  ]

  private static func rbac(_ plural: String, isNamespaced: Bool = true) -> ResourceType {
    ResourceType(group: "rbac.authorization.k8s.io", plural: plural, isNamespaced: isNamespaced)
  }

  // MARK: People

  /// A service account that has a ClusterRole in a namespace.
  func account(_ name: String, _ tenant: TenantName, role: String? = nil) async throws -> ClusterIdentity {
    let namespace = namespace(tenant)
    if let role {
      var binding = KubernetesObject(fields: [
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "roleRef": [
          "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": .string(role),
        ],
        "subjects": [["kind": "ServiceAccount", "name": .string(name), "namespace": .string(namespace)]],
      ])
      binding.name = name
      binding.namespace = namespace
      try await client.apply(binding, of: Self.rbac("rolebindings"))
    }
    return try await ClusterIdentity(name, in: namespace, on: server, by: client)
  }

  /// What the operator tells of an agent.
  func setPhase(_ phase: String, of agent: String) async throws {
    try await client.patch(
      .merge(["status": ["phase": .string(phase)]]), ResourceType(group: "lobstack.dev", plural: "agents"), agent,
      namespace: namespace(.default), subresource: "status")
  }

  /// An Event as a sentinel tells it.
  func tellAlert(of agent: String, _ name: String, _ note: String) async throws {
    let namespace = namespace(.default)
    var event = KubernetesObject(fields: [
      "apiVersion": "events.k8s.io/v1", "kind": "Event", "eventTime": .string(MicroTime.text(.now)),
      "reportingController": "lobstack.dev/sentinel", "reportingInstance": "node-1", "action": "Alert",
      "reason": "Alert", "type": "Warning", "note": .string(note),
      "regarding": [
        "apiVersion": "v1", "kind": "Pod", "name": .string(agent), "namespace": .string(namespace), "uid": "u",
      ],
    ])
    event.name = "\(agent).\(name)"
    event.namespace = namespace
    try await client.create(event, of: ResourceType(group: "events.k8s.io", plural: "events"))
  }

  // MARK: The program

  func address(_ replica: Int) -> String { "https://\(server.address):\(Self.port + replica)" }

  /// What a replica wrote.
  func output(_ replica: Int) throws -> String {
    try String(contentsOfFile: "\(server.directory)/plane-\(replica).log", encoding: .utf8)
  }

  private func pidFile(_ replica: Int) -> String { "\(server.directory)/plane-\(replica).pid" }

  /// Runs control planes while a body runs; then they are ended by SIGTERM, and have to end well.
  ///
  /// - Parameter options: of each, beside the rest.
  func planes(_ count: Int, options: [String] = [], _ body: () async throws -> Void) async throws {
    let own = try await ClusterIdentity(
      "control-plane", in: values.namespaces.controlPlane, on: server, by: client)
    let kubeconfig = "\(server.directory)/plane.kubeconfig"
    try """
    apiVersion: v1
    kind: Config
    current-context: plane
    clusters: [{name: c, cluster: {server: "\(server.url)", certificate-authority: ca.crt}}]
    users: [{name: u, user: {token: \(try own.token(for: "https://kubernetes.default.svc"))}}]
    contexts: [{name: plane, context: {cluster: c, user: u}}]

    """.write(toFile: kubeconfig, atomically: true, encoding: .utf8)
    try String(repeating: "k", count: 48).write(
      toFile: "\(server.directory)/session", atomically: true, encoding: .utf8)
    let tasks = (0..<count).map { replica in
      Task {
        try await Command(
          "/bin/sh",
          [
            "-c", #"echo $$ > "$0"; exec "$@""#, pidFile(replica), TestPlatform.binary, "cluster-control-plane",
            "--kubeconfig", kubeconfig, "--values", "\(server.directory)/values.yaml",
            "--listen", "\(server.address):\(Self.port + replica)", "--probes",
            "\(server.address):\(Self.port + 100 + replica)", "--cert", "\(server.directory)/plane.crt", "--key",
            "\(server.directory)/plane.key", "--session-key", "\(server.directory)/session", "--log-format", "json",
          ] + options
        ).run(appendingTo: "\(server.directory)/plane-\(replica).log", timeout: .seconds(170))
      }
    }
    let result: Result<Void, any Error>
    do {
      try await eventually("the replicas are ready", within: .seconds(30)) {
        for replica in 0..<count {
          let probe = "http://\(server.address):\(Self.port + 100 + replica)/readyz"
          guard try await Command("curl", ["-s", "-f", probe]).run().status == .exited(0) else { return false }
        }
        return true
      }
      result = .success(try await body())
    } catch { result = .failure(error) }
    for replica in 0..<count {
      if let id = (try? String(contentsOfFile: pidFile(replica), encoding: .utf8)).flatMap({ Int32($0.dropLast()) }) {
        kill(id, SIGTERM)
      }
    }
    for task in tasks { #expect(try await task.value == .exited(0)) }
    if case .failure = result {
      for replica in 0..<count { print(String((try? output(replica))?.suffix(4_000) ?? "")) }
    }
    try result.get()
  }

  /// Runs `lobstack ARGUMENTS` against a replica.
  ///
  /// - Parameter behind: what comes behind all options.
  func lobstack(
    _ arguments: [String], on replica: Int = 0, as token: String, behind: [String] = [], input: String = ""
  ) async throws -> TestPlatform.Outcome {
    let connection = ["--address", address(replica), "--ca", "\(server.directory)/ca.crt", "--token", token]
    let result = try await Command(TestPlatform.binary, arguments + connection + behind).run(input: Array(input.utf8))
    return TestPlatform.Outcome(
      code: result.status.code, output: result.standardOutput, error: result.standardError, arguments: arguments)
  }

  /// Asks a replica with curl.
  ///
  /// - Returns: status, headers and body.
  func curl(_ path: String, on replica: Int = 0, _ arguments: [String]) async throws -> (
    status: Int, headers: String, body: String
  ) {
    let text = try await Command(
      "curl",
      ["-s", "-i", "--max-time", "20", "--cacert", "\(server.directory)/ca.crt", "\(address(replica))\(path)"]
        + arguments
    ).check()
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
    let head = parts.first.map(String.init) ?? ""
    return (
      head.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0, head,
      parts.count > 1 ? String(parts[1]) : ""
    )
  }
}
