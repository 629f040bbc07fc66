import AgentModel
import ChildProcess
import ClusterAgents
import Faults
import Foundation
import GuestTrace
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging
import Sentinel
import Synchronization
import TestSupport
import Testing

@testable import Operator

/// A node of a cluster, as far as agents' detection goes: the sentinel, and a test that does what a kubelet would with
/// real sandboxes.
final class ClusterNode: Sendable {
  static let isThere = KubernetesServer.isThere && getuid() == 0 && Command.locate("runsc") != nil
  static let name = "node-a"

  let world: OperatorWorld
  private let directory: String
  private let told = Mutex((lines: [JSON](), log: ""))
  private let containers = Mutex<[String: String]>([:])

  private init(_ world: OperatorWorld) throws {
    self.world = world
    // Short, since the path of a Unix socket has at most 107 bytes.
    directory = "/tmp/lbn-\(String(UInt64.random(in: 0..<(1 << 40)), radix: 36))"
    for path in ["root/bin", "root/etc", "root/proc", "root/dev", "root/sys", "root/tmp"] {
      try FileManager.default.createDirectory(atPath: "\(directory)/\(path)", withIntermediateDirectories: true)
    }
    try FileManager.default.copyItem(atPath: "/bin/busybox", toPath: "\(directory)/root/bin/busybox")
    for applet in ["sh", "cat", "sleep", "touch", "test"] {
      try FileManager.default.createSymbolicLink(
        atPath: "\(directory)/root/bin/\(applet)", withDestinationPath: "busybox")
    }
    try "secret".write(toFile: "\(directory)/root/etc/shadow", atomically: true, encoding: .utf8)
    let points = try JSONEncoder().encode(TracePoints(socket: socket))
    try points.write(to: URL(filePath: "\(directory)/trace.json"))
  }

  private var socket: String { "\(directory)/trace.sock" }

  /// Runs `body` with an operator and a sentinel, each with the rights that are rendered for it.
  static func with(_ body: (ClusterNode) async throws -> Void) async throws {
    try await OperatorWorld.with { world in
      let node = try ClusterNode(world)
      let result: Result<Void, any Error>
      do {
        result = .success(
          try await world.operated { _ in try await node.watched { try await body(node) } })
      } catch { result = .failure(error) }
      await node.close()
      try result.get()
    }
  }

  private func watched(_ body: () async throws -> Void) async throws {
    let client = try KubernetesClient(
      try world.server.configuration(user: "sentinel"), fieldManager: ClusterSentinelService.fieldManager,
      patience: .seconds(5))
    var settings = ClusterSentinelService.Settings(
      socket: socket, node: Self.name, rules: "\(OperatorWorld.policyDirectory)/falco",
      agentsNamespace: world.values.namespaces.agents, platformImage: world.values.images.lobstack)
    settings.grace = .seconds(3)
    let service = try ClusterSentinelService(
      client, settings, logger: Logger(label: "test") { [self] _ in NodeLog(self) },
      write: { [self] line in
        guard let json = try? JSON(line.dropLast()) else { return }
        told.withLock { $0.lines.append(json) }
      })
    let task = Task { try await service.run() }
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    task.cancel()
    _ = await task.result
    try await client.shutdown()
    try result.get()
  }

  /// What the sentinel wrote.
  var lines: [JSON] { told.withLock { $0.lines } }
  var log: String { told.withLock { $0.log } }
  func log(_ line: String) { told.withLock { $0.log += "\(line)\n" } }

  /// The id of an agent's container.
  func container(_ agent: String) -> String? { containers.withLock { $0[agent] } }

  // MARK: What a kubelet does

  /// Has an agent's Pod be on this node, its program run, and its status say so.
  func start(_ agent: String, _ script: String, traced: Bool = true) async throws {
    try await eventually("the Pod of \(agent) is there") { try await world.pod(agent) != nil }
    try await bind(agent)
    let id = (0..<64).map { _ in String(UInt8.random(in: 0..<16), radix: 16) }.joined()
    containers.withLock { $0[agent] = id }
    try FileManager.default.createDirectory(atPath: "\(directory)/\(id)", withIntermediateDirectories: true)
    try configuration(script).write(toFile: "\(directory)/\(id)/config.json", atomically: true, encoding: .utf8)
    try await runsc(
      (traced ? ["--pod-init-config=\(directory)/trace.json"] : []) + [
        "run", "-detach", "-bundle", "\(directory)/\(id)", id,
      ],
      log: "\(directory)/\(id)/log")
    try await world.setPod(
      agent,
      [
        "phase": "Running",
        "containerStatuses": [
          [
            "name": "agent", "containerID": .string("containerd://\(id)"), "image": "i", "imageID": "i", "ready": true,
            "restartCount": 0, "state": ["running": ["startedAt": "2026-01-01T00:00:00Z"]],
          ]
        ],
      ])
  }

  /// Ends an agent's program, and says that its Pod is gone.
  func end(_ agent: String) async throws {
    if let id = container(agent) { try await runsc(["delete", "-force", id]) }
    guard let pod = try await world.pod(agent) else { return }
    try await world.client.delete(
      OwnedType.pods.resource, pod.name, namespace: OperatorWorld.namespace, Deletion(uid: pod.uid, grace: 0))
  }

  func exec(_ agent: String, _ script: String) async throws {
    guard let id = container(agent) else { return }
    try await runsc(["exec", "-user", "10001:10001", id, "/bin/sh", "-c", script])
  }

  private func bind(_ agent: String) async throws {
    let pod = try #require(try await world.pod(agent))
    try await Command(
      "curl",
      [
        "--silent", "--fail", "--cacert", "\(world.server.directory)/ca.crt", "--cert",
        "\(world.server.directory)/admin.crt", "--key", "\(world.server.directory)/admin.key", "--header",
        "Content-Type: application/json", "--data",
        #"{"apiVersion":"v1","kind":"Binding","metadata":{"name":"\#(pod.name)"},"target":{"kind":"Node","name":"\#(Self.name)"}}"#,
        "\(world.server.url)/api/v1/namespaces/\(OperatorWorld.namespace)/pods/\(pod.name)/binding",
      ]
    ).check()
  }

  private func runsc(_ arguments: [String], log: String? = nil) async throws {
    let command = Command(
      "runsc",
      ["--root", "\(directory)/runsc", "--platform=ptrace", "--network=none", "--ignore-cgroups"] + arguments)
    guard let log else {
      try await command.check()
      return
    }
    // The sandbox keeps what it was given to write to.
    let status = try await command.run(appendingTo: log, timeout: .seconds(60))
    try #require(status == .exited(0), "\((try? String(contentsOfFile: log, encoding: .utf8)) ?? "")")
  }

  private func configuration(_ script: String) -> String {
    """
    {"ociVersion": "1.0.2",
     "process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["/bin/sh", "-c", "\(script)"],
      "env": ["PATH=/bin"], "cwd": "/", "noNewPrivileges": true},
     "root": {"path": "\(directory)/root", "readonly": true},
     "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
      {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777"]}],
     "linux": {"namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}, {"type": "network"}]}}
    """
  }

  private func close() async {
    for id in containers.withLock({ $0.values }) {
      _ = try? await runsc(["delete", "-force", id])  // it may have ended, and been deleted
    }
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }

  // MARK: What a person does

  func status(_ agent: String) async throws -> JSON {
    try await world.client.get(AgentObject.type, agent, namespace: OperatorWorld.namespace)["status"] ?? [:]
  }

  func condition(_ type: String, of agent: String) async throws -> JSON? {
    try await status(agent)["conditions"]?.array?.first { $0["type"]?.string == type }
  }

  /// Reasons of what is told beside an Agent.
  func events(_ agent: String) async throws -> Set<String> {
    let list = try await world.client.list(ObjectEvent.type, namespace: OperatorWorld.namespace)
    return Set(
      list.objects.filter { $0["regarding", "name"]?.string == agent && $0["regarding", "kind"]?.string == "Agent" }
        .compactMap { $0["reason"]?.string })
  }

  func release(_ agent: String) async throws {
    let time = try await condition("Contained", of: agent)?["lastTransitionTime"] ?? .null
    try await world.client.patch(
      .merge(["metadata": ["annotations": ["lobstack.dev/released-at": time]]]), AgentObject.type, agent,
      namespace: OperatorWorld.namespace)
  }
}

/// Keeps what the sentinel logs.
private struct NodeLog: LogHandler {
  let node: ClusterNode
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]

  init(_ node: ClusterNode) { self.node = node }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) { node.log("\(event.level) \(event.message) \(event.metadata ?? [:])") }
}
