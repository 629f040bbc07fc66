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
  /// Files of tokens of who calls it.
  let (plane, sentinel): (String, String)
  private let (address, kubeconfig, server): (String, String, KubernetesServer)
  /// Whether it ended well.
  private let task = Mutex<Task<Bool, any Error>?>(nil)

  init(_ world: ClusterWorld, port: Int) async throws {
    server = world.server
    directory = "\(server.directory)/records"
    address = "\(server.address):\(port)"
    kubeconfig = "\(server.directory)/recorder.kubeconfig"
    (plane, sentinel) = ("\(server.directory)/plane.token", "\(server.directory)/sentinel.token")
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    try await server.certificate("recorder", subject: "/CN=recorder", names: "IP:\(server.address)")
    func token(_ name: String, _ namespace: String, for audience: String) async throws -> String {
      try await ClusterIdentity(name, in: namespace, on: server, by: world.client).token(for: audience)
    }
    let audience = "lobstack-recorder"
    try await token("control-plane", "lobstack-control-plane", for: audience)
      .write(toFile: plane, atomically: true, encoding: .utf8)
    try await token("sentinel", "lobstack-sentinel", for: audience)
      .write(toFile: sentinel, atomically: true, encoding: .utf8)
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
    let text = try String(contentsOfFile: "\(server.directory)/recorder.pid", encoding: .utf8)
    if let id = Int32(text.dropLast()) { kill(id, SIGTERM) }
    #expect(try await started.value)
  }

  /// - Parameter token: the file of whoever reports.
  func report(_ alerts: [AlertResource], as token: String) async throws {
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
