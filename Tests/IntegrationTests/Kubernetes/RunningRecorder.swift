import APIClient
import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc
import JSONValues
import KubernetesAPI
import Synchronization
import TestSupport
import Testing

/// A recorder of the real program, with the rights that are rendered and no others.
final class RunningRecorder: Sendable {
  let directory: String
  /// Files of tokens of who calls it; of the sentinels by their node.
  let plane: String
  let sentinels: [String: String]
  private let (address, kubeconfig, server): (String, String, KubernetesServer)
  /// Whether it ended well.
  private let task = Mutex<Task<Bool, any Error>?>(nil)

  init(_ world: ClusterWorld, port: Int) async throws {
    server = world.server
    directory = "\(server.directory)/records"
    address = "\(server.address):\(port)"
    kubeconfig = "\(server.directory)/recorder.kubeconfig"
    plane = "\(server.directory)/plane.token"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await server.certificate("recorder", subject: "/CN=recorder", names: "IP:\(server.address)")
    func token(
      _ name: String, _ namespace: String, for audience: String = "lobstack-recorder", on node: String? = nil
    ) async throws -> String {
      let identity = try await ClusterIdentity(name, in: namespace, on: world.server, by: world.client)
      guard let node else { return try identity.token(for: audience) }
      let pod = try await PlacedPod("\(name)-\(node)", in: namespace, on: node, account: name, by: world.client)
      return try identity.token(for: audience, pod: pod)
    }
    try await token("control-plane", "lobstack-control-plane", on: "node-1")
      .write(toFile: plane, atomically: true, encoding: .utf8)
    var sentinels: [String: String] = [:]
    for node in ["node-1", "node-2"] {
      let file = "\(world.server.directory)/sentinel-\(node).token"
      try await token("sentinel", "lobstack-sentinel", on: node).write(toFile: file, atomically: true, encoding: .utf8)
      sentinels[node] = file
    }
    self.sentinels = sentinels
    let own = try await token("recorder", "lobstack-control-plane", for: "https://kubernetes.default.svc")
    try """
    apiVersion: v1
    kind: Config
    current-context: c
    clusters: [{name: c, cluster: {server: "\(server.url)", certificate-authority: ca.crt}}]
    users: [{name: u, user: {token: \(own)}}]
    contexts: [{name: c, context: {cluster: c, user: u}}]

    """.write(toFile: kubeconfig, atomically: true, encoding: .utf8)
  }

  /// Of control planes that have it record.
  var options: [String] {
    ["--recorder", "https://\(address)", "--recorder-ca", "\(server.directory)/ca.crt", "--recorder-token", plane]
  }

  func start() async throws {
    let started = Task { [server, directory, address, kubeconfig] in
      try await Command(
        "/bin/sh",
        [
          "-c", #"echo $$ > "$0"; exec "$@""#, "\(server.directory)/recorder.pid", TestPlatform.binary,
          "cluster-recorder", "--kubeconfig", kubeconfig, "--values", "\(server.directory)/values.yaml", "--directory",
          directory, "--listen", address, "--cert", "\(server.directory)/recorder.crt", "--key",
          "\(server.directory)/recorder.key",
        ]
      ).run(appendingTo: "\(server.directory)/recorder.log", timeout: .seconds(170)) == .exited(0)
    }
    task.withLock { $0 = started }
    try await eventually("the recorder answers", within: .seconds(20)) {
      let answer = try await Command(
        "curl", ["-s", "--cacert", "\(server.directory)/ca.crt", "https://\(address)/v1/audit"]
      ).run()
      return answer.standardOutput.contains("authenticate")
    }
  }

  /// By SIGTERM, at which it has to end well.
  func stop() async throws {
    guard let started = task.withLock({ $0.take() }) else { return }
    try signal(SIGTERM)
    #expect(try await started.value)
  }

  /// By SIGKILL, at which nothing ends well.
  func kill() async throws {
    guard let started = task.withLock({ $0.take() }) else { return }
    try signal(SIGKILL)
    _ = try await started.value
  }

  private func signal(_ number: Int32) throws {
    let text = try String(contentsOfFile: "\(server.directory)/recorder.pid", encoding: .utf8)
    if let id = Int32(text.dropLast()) { Glibc.kill(id, number) }
  }

  /// - Parameter token: the file of whoever reports; `nil` for the sentinel of node-1.
  func report(_ alerts: [AlertResource], as token: String? = nil) async throws {
    let token = token ?? sentinels["node-1"] ?? ""
    let client = RecorderClient(
      RecorderClient.Settings(address: "https://\(address)", authority: "\(server.directory)/ca.crt", token: token))
    let result: Result<Void, any Error>
    do { result = .success(try await client.ask("report") { try await $0.reportAlerts(alerts) }) } catch {
      result = .failure(error)
    }
    try await client.shutdown()
    try result.get()
  }
}

extension ClusterWorld {
  /// The token of an account that may read the audit log.
  func auditor() async throws -> String {
    let identity = try await account("auditor", .default)
    var binding = KubernetesObject(fields: [
      "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
      "roleRef": ["apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "lobstack-auditor"],
      "subjects": [["kind": "ServiceAccount", "name": "auditor", "namespace": .string(namespace(.default))]],
    ])
    binding.name = "auditor"
    try await client.apply(
      binding,
      of: ResourceType(group: "rbac.authorization.k8s.io", plural: "clusterrolebindings", isNamespaced: false))
    return try identity.token()
  }
}
