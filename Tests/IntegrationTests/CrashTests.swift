import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc
import Supervision
import Testing

@Suite("A crash", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(6)))
struct CrashTests {
  @Test("of any process of the platform leaves the agents running, and they are adopted again")
  func crashes() async throws {
    try await withPlatform { platform in
      try await platform.create("demo", command: ["sh", "-c", "while :; do echo tick; sleep 1; done"])
      let sandbox = try await platform.sandboxProcess("demo")
      let traces = try await platform.traces()

      for component in ["proxy", "node", "control-plane", "sentinel", "gateway"] {
        try await platform.kill(component)
        try await platform.waitUntilReady()
        try await expectSameAgent(platform, sandbox)
      }
      try await expectTraces(platform, traces)

      // The whole platform at once: the supervisor first, so that nothing is started again in between.
      let text = try String(contentsOfFile: platform.layout.lockFile, encoding: .utf8)
      let supervisor = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
      let node = try platform.processID(of: "node")
      #expect(kill(supervisor, SIGKILL) == 0)
      #expect(kill(node, SIGKILL) == 0)
      #expect(kill(sandbox, 0) == 0)
      try await platform.up()
      try await expectSameAgent(platform, sandbox)
      try await expectTraces(platform, traces)
      #expect(try await platform.waiters() == 1, "a killed node's waiters are ended")

      // An adopted agent obeys, and its end is seen.
      try await platform.run("agent", "stop", "demo", "--wait").ok()
      try await eventually("the sandbox's process is gone") { kill(sandbox, 0) != 0 }
    }
  }

  @Test(
    "of the node, while somebody takes the firewall away or changes it, ends with every agent stopped and started anew",
    arguments: [
      ("delete table inet TABLE", "TABLE is gone"), ("flush chain inet TABLE deny_host", "TABLE was changed"),
    ])
  func firewallGoesMeanwhile(change: String, told: String) async throws {
    try await withPlatform { platform in
      try await platform.create("demo")
      let node = try platform.processID(of: "node")
      #expect(kill(node, SIGSTOP) == 0)
      let table = "lobstack_\(platform.layout.instance)".replacing("-", with: "_")
      try await Command("nft", [change.replacing("TABLE", with: table)]).check()
      #expect(kill(node, SIGKILL) == 0)
      try await eventually("the agent runs anew") {
        let status = try await platform.agent("demo").status
        return status.restarts == 1 && status.phase == .running
          && status.layers.allSatisfy { $0.state == .enforced }
      }
      let records = try await platform.run("audit", "list", "--agent", "default/demo", "-o", "json").ok().output
      #expect(records.contains(told.replacing("TABLE", with: table)))
    }
  }

  private func expectTraces(_ platform: TestPlatform, _ expected: [String]) async throws {
    let found = Set(try await platform.traces()).symmetricDifference(expected)
    #expect(found.isEmpty, "\(found)")
  }

  private func expectSameAgent(_ platform: TestPlatform, _ sandbox: Int32) async throws {
    try await eventually("the agent runs") { try await platform.agent("demo").status.phase == .running }
    #expect(try await platform.sandboxProcess("demo") == sandbox)
    #expect(kill(sandbox, 0) == 0)
    #expect(try await platform.agent("demo").status.restarts == 0)
    #expect(try await platform.exec("demo", "id").output.hasPrefix("uid=10001"))
  }

  @Test("is not needed: up is idempotent, down keeps the agents' state, up brings them back")
  func upAndDown() async throws {
    try await withPlatform { platform in
      try await platform.create(
        "demo", command: ["sh", "-c", "trap 'echo saved > /workspace/end; exit 0' TERM; sleep 36000 & wait"])
      try await platform.exec("demo", "sh", "-c", "echo kept > /workspace/note").ok()
      try await platform.create("still", command: ["sh", "-c", "echo spoke; trap 'exit 0' TERM; sleep 36000 & wait"])
      try await platform.run("agent", "stop", "still", "--wait").ok()

      let again = try await platform.run("up", "--detach", timeout: .seconds(100)).ok()
      #expect(again.output.contains("already running"))
      let inForeground = try await platform.run("up", timeout: .seconds(100)).ok()
      #expect(inForeground.output.contains("already running"))

      try await platform.down()
      #expect(try await platform.run("status").code == 3)
      #expect(try await platform.traces() == [])
      try await platform.down()

      try await platform.up()
      try await eventually("the agent is back") { try await platform.agent("demo").status.phase == .running }
      #expect(try await platform.exec("demo", "cat", "/workspace/note").output == "kept\n")
      #expect(try await platform.run("agent", "logs", "still").ok().output == "spoke\n", "logs outlive the platform")
      #expect(try await platform.exec("demo", "cat", "/workspace/end").output == "saved\n", "it was asked to end")
    }
  }

  @Test("or a purge finds every process, also where a link leads to the state") func linked() async throws {
    try await withPlatform { platform in
      try await platform.create("demo")
      let link = "\(platform.directory)/link"
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "\(platform.directory)/state")
      try await platform.run("agent", "get", "demo", "--state-dir", "\(link)/").ok()
      try await platform.run("down", "--purge", "--state-dir", link, timeout: .seconds(180)).ok()
      #expect(try await Leftovers(platform.layout).find() == [])
    }
  }

  @Test("of one instance is nothing to another on the same machine") func instances() async throws {
    try await withPlatform { one in
      try await one.create("demo")
      let sandbox = try await one.sandboxProcess("demo")
      try await withPlatform { other in
        try await other.create("demo")
        #expect(try await one.agent("demo").metadata.uid != other.agent("demo").metadata.uid)
        #expect(try await one.agent("demo").status.address != other.agent("demo").status.address)
      }
      // The other is purged by now.
      #expect(try await one.sandboxProcess("demo") == sandbox)
      #expect(try await one.exec("demo", "id").code == 0)
      try await eventually("its layers are enforced") {
        try await one.agent("demo").status.layers.allSatisfy { $0.state == .enforced }
      }
    }
  }
}
