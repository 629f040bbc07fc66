import APIModel
import AgentModel
import Foundation
import Glibc
import NodeProtocol
import Testing

@testable import Sentinel

@Suite("A trace session", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2))) struct DetectionSessionTests {
  private static let lateRule = "Trace session began late"

  @Test("is answered once its sandbox and the rules are known, and not before", arguments: [true, false])
  func greeted(rulesFirst: Bool) async throws {
    try await DetectionBench.with { bench in
      if rulesFirst { try bench.tell() } else { bench.tell([try WatchedSandbox.stub()]) }
      let client = try bench.greet()
      client.say("answer")
      let early = try await client.reply(within: .milliseconds(500))
      #expect(early == nil)
      if rulesFirst { bench.tell([try WatchedSandbox.stub()]) } else { try bench.tell() }
      let answer = try await client.reply()
      #expect(answer == "0801")
    }
  }

  @Test("of a sandbox that is not known is refused after a while") func unknown() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      bench.link()
      let client = try bench.greet("t.fedcba9876543210")
      let answer = try await client.ask("answer")
      #expect(answer == "closed")
      #expect(bench.node.sessions == [])
    }
  }

  @Test(
    "in another version of the protocol is refused, and others are answered",
    arguments: ["0802", "08", "080101", "ff", "0a020801"]) func version(greeting: String) async throws
  {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      let client = try bench.greet(greeting: greeting)
      let answer = try await client.ask("answer", within: .seconds(4))
      #expect(answer == "closed")
      _ = try await bench.attach()
    }
  }

  @Test("is root's alone") func others() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      let mode = try FileManager.default.attributesOfItem(atPath: bench.socket)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      // As if the socket let everybody in.
      for (path, mode) in [(bench.directory, mode_t(0o755)), (bench.socket, 0o666)] {
        try #require(chmod(path, mode) == 0)
      }
      let client = try bench.greet(user: 65_534)
      let answer = try await client.ask("answer", within: .seconds(4))
      #expect(answer == "closed")
    }
  }

  @Test("is told to the node with its numbers, and is gone with its connection") func told() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      let revision = bench.tell([try WatchedSandbox.stub()])
      bench.link()
      try await eventually("no session") { bench.node.sessions == [] && bench.node.revision == revision }
      let began = Date.now
      let client = try await bench.attach()
      try await eventually("a session") { bench.node.sessions?.count == 1 }
      let first = try #require(bench.node.sessions?.first)
      #expect(first.container == DetectionBench.container && first.messages == 0 && first.dropped == 0)
      #expect(first.lastMessage == nil)
      try await client.send(TraceBytes.openat("/tmp/x", dropped: 4), times: 3)
      try await eventually("its messages") { bench.node.sessions?.first?.messages == 3 }
      let second = try #require(bench.node.sessions?.first)
      #expect(second.connection == first.connection && second.dropped == 4)
      let last = try #require(second.lastMessage)
      #expect(last >= began && last <= Date.now)
      client.end()
      try await eventually("no session any more") { bench.node.sessions == [] }
    }
  }

  @Test("is nothing that the node may count on before there are rules") func withoutRules() async throws {
    try await DetectionBench.with { bench in
      bench.link()
      let revision = bench.tell([try WatchedSandbox.stub()])
      try await eventually("the sandboxes known") { bench.node.revision == revision }
      #expect(bench.node.rules == 0)
      try bench.tell()
      try await eventually("the rules known") { bench.node.rules == 2 }
      #expect(bench.node.revision == revision)
    }
  }

  @Test("is told to a node that comes later") func linkedLater() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      let sandboxes = [try WatchedSandbox.stub(), try WatchedSandbox.stub("fedcba9876543210")]
      let revision = bench.tell(sandboxes)
      for sandbox in sandboxes { _ = try await bench.attach(sandbox.container) }
      bench.link()
      try await eventually("the sessions") { bench.node.sessions?.count == 2 }
      #expect(bench.node.sessions?.map(\.container) == sandboxes.map(\.container))
      #expect(bench.node.revision == revision)
    }
  }

  @Test("outlives what its node said earlier and is heard later, but not what another node says") func overtaken()
    async throws
  {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.link()
      let sandboxes = [try WatchedSandbox.stub(), try WatchedSandbox.stub("fedcba9876543210")]
      bench.tell(sandboxes, revision: 3)
      bench.tell([sandboxes[0]], revision: 2)
      for sandbox in sandboxes { _ = try await bench.attach(sandbox.container) }
      try await eventually("both sessions") { bench.node.sessions?.count == 2 && bench.node.revision == 3 }
      bench.link()
      bench.tell([sandboxes[0]], revision: 1)
      try await eventually("one session") { bench.node.sessions?.count == 1 && bench.node.revision == 1 }
    }
  }

  @Test("ends when its sandbox is not watched any more") func unwatched() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      bench.link()
      let client = try await bench.attach()
      client.say("answer")
      bench.tell([])
      let answer = try await client.reply()
      #expect(answer == "closed")
      try await eventually("no session") { bench.node.sessions == [] }
    }
  }

  @Test("takes the place of an earlier one of the same sandbox", arguments: ["run", "trace"])
  func replaced(action: String) async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      bench.link()
      let first = try await bench.attach()
      try await eventually("a session") { bench.node.sessions?.count == 1 }
      let connection = bench.node.sessions?.first?.connection
      first.say("answer")
      _ = try await bench.attach(action: action)
      let answer = try await first.reply()
      #expect(answer == "closed")
      try await eventually("another session") {
        bench.node.sessions?.count == 1 && bench.node.sessions?.first?.connection != connection
      }
    }
  }

  @Test("says so when it began late, and only then") func late() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      let (early, late) = (try WatchedSandbox.stub(), try WatchedSandbox.stub("fedcba9876543210"))
      bench.tell([early, late])
      _ = try await bench.attach(early.container)
      _ = try await bench.attach(late.container, action: "trace")
      let alert = try await bench.alert(Self.lateRule)
      #expect(alert.container == late.container && alert.source == "internal" && alert.priority == "Error")
      #expect(alert.outputFields["agent.name"] == JSONValue.string("bot"))
      #expect(bench.alerts().map(\.rule) == [Self.lateRule])
    }
  }

  @Test(
    "knows the processes of the one before in a sandbox that runs on, and none in one that began anew",
    arguments: [("trace", "agent --serve"), ("run", "agent")]) func processes(action: String, command: String)
    async throws
  {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      let first = try await bench.attach()
      try await first.send(TraceBytes.start(["/usr/bin/agent", "--serve"]))
      try await first.send(TraceBytes.openat("/etc/shadow"))
      let alert = try await bench.alert("Shadow read")
      #expect(alert.outputFields["proc.cmdline"] == JSONValue.string("agent --serve"))
      let second = try await bench.attach(action: action)
      try await second.send(TraceBytes.openat("/etc/shadow"))
      try await eventually("another alert") { bench.alerts(of: "Shadow read").count == 2 }
      #expect(bench.alerts(of: "Shadow read").last?.outputFields["proc.cmdline"] == JSONValue.string(command))
    }
  }
}
