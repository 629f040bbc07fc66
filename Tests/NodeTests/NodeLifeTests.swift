import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import Framing
import Logging
import NIOCore
import NetworkIsolation
import Node
import NodeProtocol
import Synchronization
import Testing

/// A node of its own instance over a busybox image; everything that it made is gone at the end.
struct NodeFixture {
  let layout: InstanceLayout
  let client: NodeClient
  let neighbours: NodeNeighbours
  let directory: String

  /// Also of a node that begins anew: the first goes on in the same process, and would find another's firewall changed.
  var configuration: NodeService.Configuration { Self.configuration(layout) }

  private static func configuration(_ layout: InstanceLayout) -> NodeService.Configuration {
    NodeService.Configuration(layout: layout, deniedDestinations: ["10.0.0.0/8", "169.254.0.0/16"])
  }

  static func with(_ body: (NodeFixture) async throws -> Void) async throws {
    let instance = try await freeInstance()
    let directory = "/tmp/lbn\(UInt32.random(in: 0...999_999))"
    let layout = InstanceLayout(stateDirectory: directory, instance: instance)
    let files = FileManager.default
    for path in [layout.runDirectory, layout.nodeDirectory, layout.agentsDirectory, layout.policyDirectory] {
      try files.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    for policy in ["seccomp", "falco"] {
      try files.copyItem(atPath: "\(repository)/policy/\(policy)", toPath: "\(layout.policyDirectory)/\(policy)")
    }
    try makeImage("\(directory)/image")
    chmod(directory, 0o755)
    let client = NodeClient(socket: layout.nodeSocket)
    let neighbours = try await NodeNeighbours.start(layout, client: client)
    let fixture = NodeFixture(layout: layout, client: client, neighbours: neighbours, directory: directory)
    let configuration = configuration(layout)
    var failure: (any Error)?
    do {
      try await withService(configuration) { try await body(fixture) }
    } catch {
      failure = error
    }
    await neighbours.stop()
    try await NodeService.drain(configuration, logger: quiet)
    fixture.removeControlGroups()
    try files.removeItem(atPath: directory)
    if let failure { throw failure }
  }

  /// Ranges that a test of this process had: there are only 128 of them, and a socket closes a little after its test.
  private static let taken = Mutex(Set<String>())

  /// An instance whose addresses nobody on this machine uses.
  private static func freeInstance() async throws -> InstanceName {
    let present = try await Command("ip", ["-4", "addr", "show"]).check()
    while true {
      let instance = try #require(InstanceName("n\(UInt16.random(in: 0...9999))"))
      let address = AddressPlan(layout: InstanceLayout(instance: instance)).serviceAddress
      let prefix = address.split(separator: ".").prefix(2).joined(separator: ".")
      if !present.contains("inet \(prefix)."), taken.withLock({ $0.insert(prefix).inserted }) { return instance }
    }
  }

  /// As the control plane does it: with what its certificate authority answers.
  func apply(_ state: DesiredState) async throws { try await neighbours.apply(state) }

  /// Runs a node as long as `body` does; the agents outlive it.
  static func withService(
    _ configuration: NodeService.Configuration, _ body: () async throws -> Void
  ) async throws {
    let service = try await NodeService.open(configuration, logger: quiet)
    let serving = Task { try await service.run() }
    while access(configuration.layout.nodeSocket, F_OK) != 0 { try await Task.sleep(for: .milliseconds(10)) }
    defer { serving.cancel() }
    try await body()
  }

  static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private static func makeImage(_ root: String) throws {
    let files = FileManager.default
    for path in ["bin", "etc", "proc", "dev", "sys", "tmp", "workspace"] {
      try files.createDirectory(atPath: "\(root)/\(path)", withIntermediateDirectories: true)
    }
    try files.copyItem(atPath: "/bin/busybox", toPath: "\(root)/bin/busybox")
    for applet in ["sh", "id", "cat", "sleep", "nc"] {
      try files.createSymbolicLink(atPath: "\(root)/bin/\(applet)", withDestinationPath: "busybox")
    }
  }

  private func removeControlGroups() {
    for controller in (try? FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup")) ?? [] {
      rmdir("/sys/fs/cgroup/\(controller)/lobstack-\(layout.instance)")
    }
    rmdir("/sys/fs/cgroup/lobstack-\(layout.instance)")
  }

  func agent(
    _ script: String, uid: AgentUID, generation: Int64 = 1, wish: DesiredAgent.Wish = .run, restart: String = "Always",
    image: String? = nil
  ) throws -> DesiredAgent {
    let container = Container(
      name: "agent", image: image ?? "dir:\(directory)/image", command: ["/bin/sh", "-c", script], env: [], ports: [],
      resources: ResourceRequirements(requests: [:], limits: ["cpu": "1", "memory": "128Mi"]),
      securityContext: SecurityContext(
        allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true,
        capabilities: Capabilities(drop: ["ALL"])),
      volumeMounts: [
        VolumeMount(name: "tmp", mountPath: "/tmp"), VolumeMount(name: "workspace", mountPath: "/workspace"),
      ])
    let pod = Pod(
      metadata: ObjectMeta(
        name: "bot", namespace: "acme", labels: ["lobstack.dev/agent": "true"],
        annotations: [processLimitAnnotation: "64", workspaceSizeAnnotation: "32Mi"]),
      spec: PodSpec(
        runtimeClassName: "gvisor", restartPolicy: restart, automountServiceAccountToken: false,
        enableServiceLinks: false, hostname: "bot",
        securityContext: PodSecurityContext(
          runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001,
          seccompProfile: SeccompProfile(type: "Localhost", localhostProfile: "agent.json")),
        containers: [container],
        volumes: [
          Volume(name: "tmp", emptyDir: Volume.EmptyDir(medium: "Memory", sizeLimit: "16Mi")),
          Volume(name: "workspace", persistentVolumeClaim: Volume.PersistentVolumeClaim(claimName: "w")),
        ]))
    let closed = NetworkPolicy(
      metadata: ObjectMeta(name: "closed"),
      spec: NetworkPolicySpec(podSelector: LabelSelector(), policyTypes: [.ingress, .egress]))
    return DesiredAgent(
      id: try #require(AgentID("acme/bot-\(uid)")), uid: uid, generation: generation, wish: wish, pod: pod,
      networkPolicies: [closed])
  }

  func observe(_ uid: AgentUID, until isReached: (ObservedAgent) -> Bool) async throws -> ObservedAgent {
    var revision: UInt64 = 0
    let deadline = ContinuousClock.now + .seconds(40)
    while true {
      let state = try await client.observe(after: revision, waitSeconds: 2)
      revision = state.revision
      if let agent = state.agents.first(where: { $0.uid == uid }) {
        if isReached(agent) { return agent }
        try #require(ContinuousClock.now < deadline, "\(agent)")
      } else {
        try #require(ContinuousClock.now < deadline, "the agent was never seen")
      }
    }
  }

  func exec(_ uid: AgentUID, _ command: String...) async throws -> (output: String, code: Int32?) {
    let collector = Collector()
    let (input, feed) = AsyncStream.makeStream(of: Frame.self)
    feed.finish()
    try await client.exec(uid: uid, command: command, env: [:], directory: nil, input: input) {
      await collector.add($0)
    }
    return (await collector.text, await collector.exit)
  }

  static var repository: String {
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
  }
}

private actor Collector {
  private(set) var text = ""
  private(set) var exit: Int32?

  func add(_ frame: Frame) {
    if frame.kind == .standardOutput || frame.kind == .fault { text += String(buffer: frame.payload) }
    // A frame that does not decode leaves `exit` nil, and the test fails.
    if frame.kind == .exit { exit = (try? frame.decode(StreamExit.self))?.code }
  }
}

let canRunAgents =
  ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"
  || (getuid() == 0 && Command.locate("runsc") != nil && Command.locate("busybox") != nil)

@Suite("The node", .enabled(if: canRunAgents), .serialized, .timeLimit(.minutes(2))) struct NodeLifeTests {
  @Test("brings an agent to life with every layer enforced, and takes every trace of it away again")
  func life() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(
        DesiredState(revision: 1, agents: [try node.agent("echo hello; exec sleep 600", uid: uid)]))
      let running = try await node.observe(uid) { $0.phase == .running || $0.phase == .failed }
      #expect(running.phase == .running, "\(running)")
      #expect(
        running.layers.map(\.layer).sorted() == [
          "detection", "egress", "identity", "network", "resources", "sandbox", "workspace",
        ])
      #expect(running.layers.allSatisfy { $0.state == .enforced }, "\(running.layers)")

      let user = try await node.exec(uid, "id", "-u")
      #expect(user.output == "10001\n")
      let write = try await node.exec(uid, "sh", "-c", "echo kept > file; exit 3")
      #expect(write.code == 3)

      // Stopped and started again, the workspace is what it was.
      try await node.apply(
        DesiredState(revision: 2, agents: [try node.agent("", uid: uid, generation: 2, wish: .stop)]))
      let stopped = try await node.observe(uid) { $0.phase == .stopped }
      #expect(stopped.address == nil)
      try await node.apply(
        DesiredState(revision: 3, agents: [try node.agent("exec sleep 600", uid: uid, generation: 3)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      let kept = try await node.exec(uid, "cat", "file")
      #expect(kept.output == "kept\n")

      try await node.apply(
        DesiredState(revision: 4, agents: [try node.agent("", uid: uid, generation: 4, wish: .destroy)]))
      _ = try await node.observe(uid) { $0.destroyed }
      let left = try FileManager.default.contentsOfDirectory(atPath: node.layout.agentsDirectory)
      #expect(left.isEmpty)
    }
  }

  @Test("tells what agents use as the kernel counts it, with the limits, while they run") func usage() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      #expect(try await node.client.usage().isEmpty)
      try await node.apply(
        DesiredState(revision: 1, agents: [try node.agent("while :; do :; done", uid: uid)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      let first = try #require(try await node.client.usage().first)
      #expect(first.uid == uid && first.process > 1)
      #expect(first.cpuLimit == 1 && first.memoryLimit == 128 << 20 && (first.taskLimit ?? 0) > 64)
      #expect(first.tasks > 1 && first.memoryBytes > 1 << 20 && first.memoryBytes <= 128 << 20)
      var later = first
      while later.cpuNanoseconds <= first.cpuNanoseconds {
        try await Task.sleep(for: .milliseconds(50))
        later = try #require(try await node.client.usage().first)
      }
      #expect(later.process == first.process && later.readAt > first.readAt)
      try await node.apply(
        DesiredState(revision: 2, agents: [try node.agent("", uid: uid, generation: 2, wish: .stop)]))
      _ = try await node.observe(uid) { $0.phase == .stopped }
      #expect(try await node.client.usage().isEmpty)
    }
  }

  @Test("starts a program that ended again, and says how it ended") func restarts() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try node.agent("sleep 0.3; exit 5", uid: uid)]))
      let again = try await node.observe(uid) { $0.restarts >= 2 }
      #expect(again.lastExit == AgentExit(code: 5))
      #expect(again.reason?.contains("exit code 5") == true)
    }
  }

  @Test("tells an agent that went over its memory from one that failed") func outOfMemory() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      let bomb = "x=a; while :; do x=$x$x; done"
      try await node.apply(
        DesiredState(revision: 1, agents: [try node.agent(bomb, uid: uid, restart: "Never")]))
      let failed = try await node.observe(uid) { $0.phase == .failed }
      #expect(failed.lastExit == AgentExit(code: 137, outOfMemory: true))
      #expect(failed.reason?.contains("out of memory") == true)
    }
  }

  @Test("leaves nothing half-made of an agent whose image is missing") func missingImage() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      let agent = try node.agent("true", uid: uid, image: "dir:/srv/nonexistent-image")
      try await node.apply(DesiredState(revision: 1, agents: [agent]))
      let failed = try await node.observe(uid) { $0.phase == .failed }
      #expect(failed.fault?.description.contains("/srv/nonexistent-image") == true)
      let left = try FileManager.default.contentsOfDirectory(atPath: node.layout.agentsDirectory)
      #expect(left.isEmpty)
    }
  }

  @Test("that is started anew finds the agents still running and goes on with them") func adopts() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try node.agent("exec sleep 600", uid: uid)]))
      let before = try await node.observe(uid) { $0.phase == .running }
      // A second node of the same instance in the same process: what a restarted one finds.
      unlink(node.layout.nodeSocket)
      try await NodeFixture.withService(node.configuration) {
        try await node.neighbours.startDetection(node.layout)
        let after = try await node.observe(uid) { $0.phase == .running }
        #expect(after.startedAt == before.startedAt)
        let user = try await node.exec(uid, "id", "-u")
        #expect(user.output == "10001\n")
      }
    }
  }

  @Test("that is started anew leaves an agent alone that ended for good") func staysEnded() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      let agent = try node.agent("echo ran; exit 4", uid: uid, restart: "Never")
      try await node.apply(DesiredState(revision: 1, agents: [agent]))
      // Until the first node has nothing left to do: two at work on one instance are no case of real life.
      _ = try await node.observe(uid) { $0.phase == .failed && $0.address == nil }
      unlink(node.layout.nodeSocket)
      try await NodeFixture.withService(node.configuration) {
        let after = try await node.observe(uid) { $0.phase == .failed }
        #expect(after.lastExit == AgentExit(code: 4))
        #expect(after.reason?.contains("exit code 4") == true)
        // A pass of the loop, and one more: a launch would have begun.
        try await node.apply(DesiredState(revision: 2, agents: [agent]))
        try await Task.sleep(for: .seconds(3))
        let log = "\(node.layout.agentsDirectory)/\(uid)/log/log/agent.log"
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "ran\n")
      }
    }
  }

  @Test("ends a program in a sandbox when its client is gone") func execEnds() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try node.agent("exec sleep 600", uid: uid)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      let client = Task { try await node.exec(uid, "sh", "-c", "trap '' TERM; while :; do echo x >> beats; done") }
      let beats = "\(node.layout.agentsDirectory)/\(uid)/workspace/beats"
      while access(beats, F_OK) != 0 { try await Task.sleep(for: .milliseconds(50)) }
      client.cancel()
      _ = await client.result
      // It has two seconds for SIGTERM, which it does not heed.
      var size: off_t = -1
      while true {
        var status = stat()
        #expect(stat(beats, &status) == 0)
        if status.st_size == size { break }
        size = status.st_size
        try await Task.sleep(for: .seconds(1))
      }
      let left = try await node.exec(uid, "sh", "-c", "ls /workspace | grep -v exec")
      #expect(left.output == "beats\n")
      // Each exec's own file goes with it, a moment after its program.
      func hasExecs() throws -> Bool {
        try FileManager.default.contentsOfDirectory(atPath: "\(node.layout.agentsDirectory)/\(uid)")
          .contains { $0.hasPrefix("exec-") }
      }
      for _ in 0..<100 where try hasExecs() { try await Task.sleep(for: .milliseconds(100)) }
      #expect(try !hasExecs())
    }
  }

  @Test("keeps an agent's output from the machine's disk") func logIsBounded() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(
        DesiredState(revision: 1, agents: [try node.agent("cat /dev/zero; exec sleep 600", uid: uid)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      let directory = "\(node.layout.agentsDirectory)/\(uid)"
      for _ in 0..<10 {
        var status = stat()
        #expect(stat("\(directory)/log.img", &status) == 0)
        #expect(Int(status.st_blocks) * 512 <= 70 << 20)
        try await Task.sleep(for: .milliseconds(200))
      }
      var log = stat()
      #expect(stat("\(directory)/log/log/agent.log", &log) == 0 && log.st_size > 1 << 20)
    }
  }

  @Test("starts an agent whose image is here while a registry keeps others waiting") func slowRegistry() async throws {
    // The kernel takes the connections, and nobody ever answers.
    let silent = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let port = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { place -> UInt16 in
        guard bind(silent, place, length) == 0, listen(silent, 64) == 0, getsockname(silent, place, &length) == 0
        else { return 0 }
        return place.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
      }
    }
    try #require(port != 0)
    try await NodeFixture.with { node in
      // Whoever waits is let go at the end.
      defer { close(silent) }
      let first = try node.agent("exec sleep 600", uid: .random())
      try await node.apply(DesiredState(revision: 1, agents: [first]))
      _ = try await node.observe(first.uid) { $0.phase == .running }
      let digits = String(repeating: "0", count: 64)
      let waiting = try (0..<5).map { number in
        try node.agent("true", uid: .random(), image: "docker://127.0.0.1:\(port)/a\(number)@sha256:\(digits)")
      }
      try await node.apply(DesiredState(revision: 2, agents: [first] + waiting))
      for agent in waiting { _ = try await node.observe(agent.uid) { $0.phase == .starting } }
      let uid = AgentUID.random()
      let here = try node.agent("exec sleep 600", uid: uid)
      try await node.apply(DesiredState(revision: 3, agents: [first] + waiting + [here]))
      let running = try await node.observe(uid) { $0.phase == .running || $0.phase == .failed }
      #expect(running.phase == .running, "\(running)")
    }
  }

  @Test("refuses a desired state older than the one in force") func stale() async throws {
    try await NodeFixture.with { node in
      try await node.apply(DesiredState(revision: 5, agents: []))
      await #expect(throws: (any Error).self) { try await node.apply(DesiredState(revision: 4, agents: [])) }
    }
  }
}
