import APIModel
import AgentModel
import Faults
import Foundation
import Glibc
import Testing

@Suite("The life of an agent", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct AgentLifeTests {
  @Test("goes from create to delete: isolated, recorded, stopped and started, gone without a trace")
  func life() async throws {
    try await withPlatform { platform in
      let before = try await platform.traces()
      try await platform.create(
        "demo", options: ["--env", "GREETING=hello"],
        command: ["sh", "-c", "echo $GREETING; trap 'exit 0' TERM; sleep 3600 & wait"])

      let agent = try await platform.agent("demo")
      #expect(agent.status.phase == .running)
      #expect(Set(agent.status.layers.map(\.layer)).isSuperset(of: ["sandbox", "resources", "network", "audit"]))
      for layer in agent.status.layers {
        #expect(layer.state == .enforced, "\(layer)")
        #expect(!layer.evidence.isEmpty)
      }

      let identity = try await platform.exec("demo", "id")
      #expect(identity.output.hasPrefix("uid=10001") && identity.output.contains("gid=10001"))
      #expect(try await platform.exec("demo", "sh", "-c", "exit 7").code == 7)
      let echo = try await platform.run(["agent", "exec", "demo", "--", "cat"], input: "through and back")
      #expect(echo.output == "through and back")

      try await eventually("the greeting is in the log") {
        try await platform.run("agent", "logs", "demo").ok().output.hasPrefix("hello\n")
      }

      _ = try await platform.exec("demo", "nc", "-w", "1", "169.254.169.254", "80")
      try await eventually("the packet that was dropped is told, with whose it was") {
        try await platform.run("denials", "-o", "json").ok().json([DenialResource].self).contains {
          $0.agent == agent.id && $0.destination == "169.254.169.254" && $0.port == 80
        }
      }

      try await platform.exec("demo", "sh", "-c", "echo kept > /workspace/note").ok()
      try await platform.run("agent", "stop", "demo", "--wait").ok()
      #expect(try await platform.agent("demo").status.phase == .stopped)
      #expect(try await platform.exec("demo", "id").code == 1)
      try await platform.run("agent", "start", "demo", "--wait").ok()
      #expect(try await platform.exec("demo", "cat", "/workspace/note").output == "kept\n")
      try await eventually("the second greeting is in the log, too") {
        try await platform.run("agent", "logs", "demo").ok().output == "hello\nhello\n"
      }

      #expect(try await platform.run("agent", "list").ok().output.contains("default/demo"))
      try await platform.run("agent", "delete", "demo", "--wait").ok()
      #expect(try await platform.run("agent", "get", "demo").code == 1)
      #expect(try await platform.traces() == before)
      #expect(try FileManager.default.contentsOfDirectory(atPath: platform.layout.agentsDirectory) == [])
    }
  }

  @Test("ends as its program ends: exit code, restart policy, out of memory") func endings() async throws {
    try await withPlatform { platform in
      func start(_ name: String, _ restart: String, _ command: String...) async throws {
        try await platform.run(
          ["agent", "create", name, "--image", platform.image, "--restart", restart, "--command"] + command
        ).ok()
      }
      try await start("fails", "Never", "sh", "-c", "exit 7")
      try await start("ends", "OnFailure", "true")
      try await start("again", "Always", "sh", "-c", "echo run; exit 3")
      // Three GB, where the tier has two.
      try await start("bomb", "Never", "dd", "if=/dev/zero", "of=/dev/null", "bs=3000M", "count=1")

      try await eventually("the failure is told") { try await platform.agent("fails").status.phase == .failed }
      let failed = try await platform.agent("fails").status
      #expect(failed.lastExit == AgentExit(code: 7))
      #expect(failed.fault?.reason.contains("exit code 7") == true)
      try await eventually("the end is told") { try await platform.agent("ends").status.phase == .stopped }
      #expect(try await platform.agent("ends").status.lastExit == AgentExit(code: 0))
      try await eventually("it is started again") { try await platform.agent("again").status.restarts >= 2 }
      #expect(try await platform.agent("again").status.lastExit == AgentExit(code: 3))
      try await eventually("out of memory is told", within: .seconds(60)) {
        try await platform.agent("bomb").status.lastExit?.outOfMemory == true
      }
      #expect(try await platform.agent("bomb").status.fault?.reason.contains("out of memory") == true)
    }
  }

  @Test("goes on after its gVisor was killed: told, recorded, and started again with nothing of the old left")
  func killedRuntime() async throws {
    try await withPlatform { platform in
      try await platform.create("demo")
      let sandbox = try await platform.sandboxProcess("demo")
      let before = try await platform.traces()
      #expect(kill(sandbox, SIGKILL) == 0)
      try await eventually("it runs again") {
        let status = try await platform.agent("demo").status
        return status.restarts == 1 && status.phase == .running
      }
      #expect(try await platform.agent("demo").status.lastExit == AgentExit(code: 137))
      #expect(try await platform.sandboxProcess("demo") != sandbox)
      #expect(try await platform.traces() == before)
      try await eventually("the end is in the audit log") {
        try await platform.run("audit", "list", "--action", "agent.phase", "-o", "json").ok()
          .json([AuditRecordResource].self)
          .contains { $0.details["last.termination"] == "the program was ended by signal 9" }
      }
    }
  }
}
