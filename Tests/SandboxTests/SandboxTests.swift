import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import Sandbox
import Testing

/// A rootfs of busybox, a workspace and a runtime of its own; everything is removed at the end.
struct SandboxFixture {
  let directory: String
  let runtime: SandboxRuntime
  let reaper: OrphanReaper
  let id: SandboxID

  var root: String { "\(directory)/root" }
  var log: String { (try? String(contentsOfFile: "\(directory)/agent.log", encoding: .utf8)) ?? "" }

  static let sharedReaper = Result { try OrphanReaper.start() }

  static func with(_ body: (SandboxFixture) async throws -> Void) async throws {
    let instance = try #require(InstanceName("t\(UInt16.random(in: 0...9999))"))
    let directory = "/tmp/lobstack-test-\(AgentUID.random())"
    let files = FileManager.default
    for path in [
      "bundle", "workspace", "root/bin", "root/etc", "root/proc", "root/dev", "root/sys", "root/tmp", "root/workspace",
    ] {
      try files.createDirectory(atPath: "\(directory)/\(path)", withIntermediateDirectories: true)
    }
    defer { try? files.removeItem(atPath: directory) }
    chown("\(directory)/workspace", 10001, 10001)
    try files.copyItem(atPath: "/bin/busybox", toPath: "\(directory)/root/bin/busybox")
    for applet in ["sh", "id", "cat", "sleep", "unshare", "touch"] {
      try files.createSymbolicLink(atPath: "\(directory)/root/bin/\(applet)", withDestinationPath: "busybox")
    }
    try "secret".write(toFile: "\(directory)/root/etc/shadow", atomically: true, encoding: .utf8)
    let runtime = try await SandboxRuntime.open(
      SandboxRuntime.Configuration(
        executable: "runsc", rootDirectory: "\(directory)/runsc", seccompDirectory: repository + "/policy/seccomp",
        instance: instance))
    let fixture = SandboxFixture(
      directory: directory, runtime: runtime, reaper: try sharedReaper.get(),
      id: SandboxID(instance: instance, uid: .random()))
    do {
      try await body(fixture)
    } catch {
      try? await runtime.delete(fixture.id)  // the body's error is the one to tell
      fixture.removeControlGroup()
      try? await runtime.close()
      throw error
    }
    try await runtime.delete(fixture.id)
    fixture.removeControlGroup()
    try await runtime.close()
  }

  private func removeControlGroup() {
    for controller in (try? FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup")) ?? [] {
      rmdir("/sys/fs/cgroup/\(controller)/lobstack-\(id.instance)")
    }
    rmdir("/sys/fs/cgroup/lobstack-\(id.instance)")
  }

  func bundle(
    _ script: String, program: String = "/bin/sh", memory: String = "128Mi", processes: Int = 64
  ) -> SandboxBundle {
    let container = Container(
      name: "agent", image: "dir:\(root)", command: [program, "-c", script], env: [], ports: [],
      resources: ResourceRequirements(requests: [:], limits: ["cpu": "1", "memory": memory]),
      securityContext: SecurityContext(
        allowPrivilegeEscalation: false, privileged: false, readOnlyRootFilesystem: true,
        capabilities: Capabilities(drop: ["ALL"])),
      volumeMounts: [
        VolumeMount(name: "tmp", mountPath: "/tmp"), VolumeMount(name: "workspace", mountPath: "/workspace"),
      ])
    let pod = Pod(
      metadata: ObjectMeta(
        name: "bot", namespace: "acme",
        annotations: [processLimitAnnotation: "\(processes)", workspaceSizeAnnotation: "64Mi"]),
      spec: PodSpec(
        runtimeClassName: "gvisor", restartPolicy: "Never", automountServiceAccountToken: false,
        enableServiceLinks: false, hostname: "bot",
        securityContext: PodSecurityContext(
          runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001,
          seccompProfile: SeccompProfile(type: "Localhost", localhostProfile: "agent.json")),
        containers: [container],
        volumes: [
          Volume(name: "tmp", emptyDir: Volume.EmptyDir(medium: "Memory", sizeLimit: "16Mi")),
          Volume(name: "workspace", persistentVolumeClaim: Volume.PersistentVolumeClaim(claimName: "w")),
        ]))
    return SandboxBundle(
      id: id, directory: "\(directory)/bundle", pod: pod, imageRoot: root, imageCommand: [], imageEnv: [:],
      imageDirectory: "/", workspace: "\(directory)/workspace", networkNamespace: nil,
      logFile: "\(directory)/agent.log")
  }

  /// Runs a script to its end.
  func run(_ bundle: SandboxBundle) async throws -> AgentExit? {
    let process = try await runtime.run(bundle)
    guard let exit = await reaper.exit(of: process) else { return nil }
    return AgentExit(code: exit.exitCode, outOfMemory: runtime.outOfMemory(id))
  }

  static var repository: String {
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
  }
}

/// Root and gVisor are needed; CI sets REQUIRE_ROOT_TESTS, so that a missing one fails instead of being skipped.
let canRunSandboxes =
  ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"
  || (getuid() == 0 && Command.locate("runsc") != nil && Command.locate("busybox") != nil)

@Suite("A sandbox", .enabled(if: canRunSandboxes), .serialized, .timeLimit(.minutes(2))) struct SandboxTests {
  @Test("runs its program as nobody in particular, on gVisor's kernel, with a root that cannot be written")
  func confines() async throws {
    try await SandboxFixture.with { fixture in
      let script = """
        id -u; cat /proc/version; cat /proc/self/status | while read a b; do [ $a = CapEff: ] && echo caps $b; done
        touch /bin/x 2>/dev/null && echo root-written; touch /workspace/file && echo workspace-written
        [ -s /etc/shadow ] && echo shadow-read; unshare -U true 2>/dev/null && echo user-namespace; exit 42
        """
      let exit = try await fixture.run(fixture.bundle(script))
      #expect(exit == AgentExit(code: 42))
      #expect(fixture.log.contains("10001\n"))
      #expect(fixture.log.contains("caps 0000000000000000"))
      #expect(fixture.log.contains("workspace-written"))
      for escape in ["root-written", "shadow-read", "user-namespace"] {
        #expect(!fixture.log.contains(escape), "\(fixture.log)")
      }
      let kernel = try String(contentsOfFile: "/proc/version", encoding: .utf8)
      #expect(!fixture.log.contains(kernel))
    }
  }

  @Test("tells a death by signal as a shell does") func signal() async throws {
    try await SandboxFixture.with { fixture in
      let exit = try await fixture.run(fixture.bundle("kill -9 $$; sleep 5"))
      #expect(exit == AgentExit(code: 137))
    }
  }

  @Test("that goes over its memory is killed, and the kernel says why") func outOfMemory() async throws {
    try await SandboxFixture.with { fixture in
      let exit = try await fixture.run(fixture.bundle("x=a; while :; do x=$x$x; done", memory: "64Mi"))
      #expect(exit == AgentExit(code: 137, outOfMemory: true))
    }
  }

  @Test("bounds the number of processes without dying of it") func processes() async throws {
    try await SandboxFixture.with { fixture in
      let script = "n=0; while [ $n -lt 40 ]; do sleep 20 & n=$((n+1)); done; echo all-started"
      let exit = try await fixture.run(fixture.bundle(script, processes: 16))
      #expect(exit?.code != 0)
      #expect(!fixture.log.contains("all-started"))
    }
  }

  @Test("cannot be spoken to from the host's network namespace, where any user could") func control() async throws {
    try await SandboxFixture.with { fixture in
      _ = try await fixture.runtime.run(fixture.bundle("sleep 60"))
      let sockets = try String(contentsOfFile: "/proc/net/unix", encoding: .utf8)
      #expect(!sockets.contains("\(fixture.id)"))
      #expect(try await fixture.runtime.state(fixture.id)?.status == .running)
    }
  }

  @Test("is found enforced from outside, runs a program as the agent, and is gone after delete")
  func readBackAndExec() async throws {
    try await SandboxFixture.with { fixture in
      let bundle = fixture.bundle("sleep 60")
      _ = try await fixture.runtime.run(bundle)
      let layers = await fixture.runtime.readBack(fixture.id, pod: bundle.pod)
      #expect(layers.map(\.state) == [.enforced, .enforced], "\(layers)")
      let listed = try await fixture.runtime.list().map(\.id)
      #expect(listed == [fixture.id])

      let exec = fixture.runtime.execCommand(fixture.id, command: ["id", "-u"], env: [:], directory: nil)
      let user = try await exec.check()
      #expect(user == "10001\n")
      let failing = fixture.runtime.execCommand(fixture.id, command: ["sh", "-c", "exit 7"], env: [:], directory: nil)
      let failure = try await failing.run()
      #expect(failure.status == .exited(7))

      var other = bundle.pod
      other.spec.containers[0].resources.limits["memory"] = "1Gi"
      let changed = await fixture.runtime.readBack(fixture.id, pod: other)
      #expect(changed.first { $0.layer == "resources" }?.state == .failed)

      try await fixture.runtime.delete(fixture.id)
      let state = try await fixture.runtime.state(fixture.id)
      #expect(state == nil)
      try await fixture.runtime.delete(fixture.id)
      let gone = await fixture.runtime.readBack(fixture.id, pod: bundle.pod)
      #expect(gone.allSatisfy { $0.state == .failed })
    }
  }

  @Test("leaves no dead process behind, and is not waited for in vain") func reaping() async throws {
    try await SandboxFixture.with { fixture in
      for script in ["true", "sleep 60"] {
        let process = try await fixture.runtime.run(fixture.bundle(script))
        let exit = Task { await fixture.reaper.exit(of: process) }
        if script == "true" { _ = await exit.value }
        let spent = try await ContinuousClock().measure { try await fixture.runtime.delete(fixture.id) }
        #expect(spent < .seconds(4), "delete took \(spent)")
        #expect(await exit.value != nil)
        let command = ["-o", "stat=,args=", "--ppid", "\(getpid())"]
        let dead = try await Command("ps", command).check().split(separator: "\n").filter {
          $0.contains("[exe] <defunct>")
        }
        #expect(dead.isEmpty, "\(dead)")
      }
    }
  }

  @Test("without its program is refused before it exists") func missingProgram() async throws {
    try await SandboxFixture.with { fixture in
      let bundle = fixture.bundle("", program: "/bin/none")
      let fault = await #expect(throws: Fault.self) { _ = try await fixture.runtime.run(bundle) }
      #expect(fault?.description.contains("'/bin/none'") == true)
    }
  }

  @Test("never mounts over a link that an image put in the way") func linkedMountPoint() async throws {
    try await SandboxFixture.with { fixture in
      rmdir("\(fixture.root)/workspace")
      try FileManager.default.createSymbolicLink(atPath: "\(fixture.root)/workspace", withDestinationPath: "/etc")
      let bundle = fixture.bundle("true")
      let fault = await #expect(throws: Fault.self) { _ = try await fixture.runtime.run(bundle) }
      #expect(fault?.reason == "/workspace in it is not a plain directory")
    }
  }

  @Test("shows what an attack would do with a control left out") func weakness() async throws {
    try await SandboxFixture.with { fixture in
      var bundle = fixture.bundle("id -u; touch /bin/x && echo root-written")
      bundle.weaknesses = [.runAsRoot, .writableRoot]
      let exit = try await fixture.run(bundle)
      #expect(exit?.code == 0)
      #expect(fixture.log.contains("0\nroot-written"))
    }
  }
}

@Suite("Control groups") struct ControlGroupsTests {
  @Test("of version 1 are found by controller") func versionOne() throws {
    let table = ControlGroups.needed.map { "cgroup /sys/fs/cgroup/\($0) cgroup rw,\($0) 0 0" }.joined(separator: "\n")
    let groups = try ControlGroups.detect(mountTable: table)
    #expect(groups.version == 1)
    #expect(groups.mounts["pids"] == "/sys/fs/cgroup/pids")
  }

  @Test("of version 2 are found in the one hierarchy") func versionTwo() throws {
    let table = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0"
    #expect(try ControlGroups.detect(mountTable: table, controllers: "cpu memory pids\n").version == 2)
  }

  @Test("that lack a controller are refused by its name") func missing() throws {
    let table = "cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0"
    let fault = try #require(throws: Fault.self) { try ControlGroups.detect(mountTable: table) }
    #expect(fault.reason.contains("'pids'"))
  }
}
