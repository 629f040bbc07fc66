import APIModel
import AgentModel
import Foundation
import NodeProtocol
import Testing
import TraceWriting

@testable import Sentinel

/// Traces of a cluster's node, where a connection does not say whose it is.
@Suite("The trace of a Pod", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2))) struct PodTraceTests {
  private static let pause = String(repeating: "aa", count: 32)
  private static let bot = String(repeating: "b0", count: 32)
  private static let other = String(repeating: "c1", count: 32)
  private static let otherUID = "22222222-2222-4222-8222-222222222222"

  private func with(
    patience: Int64 = 60_000_000_000, _ body: (DetectionBench) async throws -> Void
  ) async throws {
    try await DetectionBench.with(naming: .containers(patience: patience)) { bench in
      try bench.tell()
      try await body(bench)
    }
  }

  /// Connects and starts a Pod's two containers.
  private func start(_ bench: DetectionBench, _ container: String) async throws -> TraceClient {
    let client = try await bench.attach("nobody")
    try await client.send(TraceBytes.start(["/pause"], container: Self.pause))
    try await client.send(TraceBytes.start(["/bin/agent"], container: container))
    return client
  }

  @Test("waits until it is known whose it is, and is told as that Pod's") func early() async throws {
    try await with { bench in
      let client = try await start(bench, Self.bot)
      try await client.send(TraceBytes.openat("/etc/key", container: Self.bot))
      bench.link()
      try await eventually("the rules are known") { bench.node.rules == 2 }
      #expect(bench.alerts().isEmpty)
      bench.server.tell(.pods([try .stub(container: Self.bot, response: .kill)]))
      let alert = try await bench.alert("Key read")
      #expect(alert.container == WatchedPod.stubUID && alert.response == "kill")
      try await eventually("an order") { bench.node.orders.count == 1 }
      #expect(bench.node.orders.first?.container == WatchedPod.stubUID)
      try await eventually("a session") { bench.node.sessions?.map(\.container) == [WatchedPod.stubUID] }
    }
  }

  @Test("is its Pod's to the end, whatever containers it speaks of") func foreign() async throws {
    try await with { bench in
      bench.server.tell(
        .pods([
          try .stub(container: Self.bot), try .stub(uid: Self.otherUID, name: "other", container: Self.other),
        ]))
      let client = try await start(bench, Self.bot)
      // The namespaces' container, and one that is started again: its own.
      try await client.send(TraceBytes.openat("/etc/shadow", container: Self.pause))
      let again = String(repeating: "b1", count: 32)
      try await client.send(TraceBytes.start(["/bin/agent"], container: again))
      try await client.send(TraceBytes.openat("/etc/shadow", container: again))
      try await eventually("both alerts") { bench.alerts(of: "Shadow read").count == 2 }
      #expect(bench.alerts(of: "Trace message of another sandbox").isEmpty)
      // Another Pod's container, by name or as its own.
      try await client.send(TraceBytes.openat("/etc/key", container: Self.other))
      try await client.send(TraceBytes.start(["/bin/agent"], container: Self.other))
      try await client.send(TraceBytes.openat("/etc/key", container: Self.other))
      try await eventually("three alerts") { bench.alerts(of: "Trace message of another sandbox").count == 3 }
      #expect(bench.alerts().allSatisfy { $0.container == WatchedPod.stubUID })
      #expect(bench.alerts(of: "Key read").isEmpty)
    }
  }

  @Test("cannot take another Pod's name before its own is known: its first two containers alone name it")
  func claim() async throws {
    try await with { bench in
      let client = try await start(bench, Self.bot)
      // By now the agent's program runs, and may be whoever it likes.
      try await client.send(TraceBytes.start(["/bin/agent"], container: Self.other))
      bench.server.tell(.pods([try .stub(uid: Self.otherUID, name: "other", container: Self.other)]))
      bench.link()
      try await eventually("the rules are known") { bench.node.rules == 2 }
      #expect(bench.node.sessions == [])
      bench.server.tell(
        .pods([
          try .stub(container: Self.bot), try .stub(uid: Self.otherUID, name: "other", container: Self.other),
        ]))
      try await eventually("a session") { bench.node.sessions?.map(\.container) == [WatchedPod.stubUID] }
      _ = try await bench.alert("Trace message of another sandbox")
    }
  }

  @Test("is refused when it does not begin with a sandbox, as one that is begun anew") func late() async throws {
    try await with { bench in
      bench.server.tell(.pods([try .stub(container: Self.bot)]))
      let client = try await bench.attach("nobody", action: "trace")
      try await client.send(TraceBytes.openat("/etc/key", container: Self.bot))
      #expect(try await client.ask("answer") == "closed")
      #expect(bench.alerts().isEmpty)
    }
  }

  @Test("is nobody's but root's to tell") func notRoot() async throws {
    try await with { bench in
      chmod(bench.socket, 0o666)
      chmod(bench.directory, 0o755)
      let client = try bench.greet("nobody", user: 65534)
      #expect(try await client.ask("answer") == "closed")
    }
  }

  @Test("tells no rule what the platform's own container does, and all that the agent's does") func isolation()
    async throws
  {
    try await with { bench in
      bench.link()
      let client = try await start(bench, Self.other)
      try await client.send(TraceBytes.openat("/etc/key", container: Self.other))
      try await client.send(TraceBytes.start(["/bin/agent"], container: Self.bot))
      try await client.send(TraceBytes.openat("/etc/shadow", container: Self.bot))
      var pod = try WatchedPod.stub(container: Self.bot)
      pod.containers = [Self.bot, Self.other]
      pod.platformContainers = [Self.other]
      bench.server.tell(.pods([pod]))
      _ = try await bench.alert("Shadow read")
      try await client.send(TraceBytes.openat("/etc/key", container: Self.bot))
      try await eventually("the agent's alone") { bench.alerts(of: "Key read").count == 1 }
      #expect(bench.alerts().count == 2)
    }
  }

  @Test("of no Pod that is known raises alerts, which are answered once it is") func stranger() async throws {
    try await with(patience: 1_000_000) { bench in
      bench.link()
      let client = try await start(bench, Self.bot)
      try await client.send(TraceBytes.openat("/etc/key", container: Self.bot))
      let stranger = try await bench.alert("Sandbox of no agent")
      #expect(stranger.container == Self.pause && stranger.response == "alert")
      let alert = try await bench.alert("Key read")
      #expect(alert.container == Self.pause && alert.responseState == AlertResource.ResponseState.none)
      #expect(bench.node.orders.isEmpty)
      bench.server.tell(.pods([try .stub(container: Self.bot, response: .quarantine)]))
      try await eventually("an order") { bench.node.orders.count == 1 }
      #expect(bench.node.orders.first?.alert == alert.id && bench.node.orders.first?.response == .quarantine)
      #expect(bench.alerts(of: "Key read").last?.container == WatchedPod.stubUID)
    }
  }

  @Test("of no Pod that is known is known by the agent's container, however late that starts") func lateStart()
    async throws
  {
    try await with(patience: 1_000_000) { bench in
      bench.link()
      let client = try await bench.attach("nobody")
      try await client.send(TraceBytes.start(["/pause"], container: Self.pause))
      _ = try await bench.alert("Sandbox of no agent")
      try await client.send(TraceBytes.start(["/bin/agent"], container: Self.bot))
      // A third one may be the agent's invention.
      try await client.send(TraceBytes.start(["/bin/agent"], container: Self.other))
      try await client.send(TraceBytes.openat("/etc/key", container: Self.bot))
      _ = try await bench.alert("Key read")
      bench.server.tell(
        .pods([
          try .stub(uid: Self.otherUID, name: "other", container: Self.other), try .stub(container: Self.bot),
        ]))
      try await eventually("a session") { bench.node.sessions?.map(\.container) == [WatchedPod.stubUID] }
    }
  }

  @Test("that ended before its Pod was known is told all the same") func ended() async throws {
    try await with { bench in
      let client = try await start(bench, Self.bot)
      try await client.send(TraceBytes.openat("/etc/key", container: Self.bot))
      client.end()
      bench.server.tell(.pods([try .stub(container: Self.bot)]))
      #expect(try await bench.alert("Key read").container == WatchedPod.stubUID)
    }
  }

  @Test("tells of events that were lost") func dropped() async throws {
    try await with { bench in
      bench.server.tell(.pods([try .stub(container: Self.bot)]))
      let client = try await start(bench, Self.bot)
      try await client.send(TraceBytes.openat("/etc/passwd", container: Self.bot, dropped: 7))
      #expect(try await bench.alert("Trace events dropped").outputFields["dropped"] == .unsigned(7))
    }
  }
}

extension WatchedPod {
  static let stubUID = "11111111-1111-4111-8111-111111111111"

  static func stub(
    uid: String = WatchedPod.stubUID, name: String = "bot", container: String, isRunning: Bool = true,
    response: AgentResponse = .alert
  ) throws -> WatchedPod {
    WatchedPod(
      uid: uid, namespace: "lobstack-agents", name: name,
      agent: AgentID(tenant: .default, name: try parsed(name)),
      owner: Owner(name: name, uid: "agent-\(name)"), containers: [container], isRunning: isRunning, tier: "starter",
      image: "registry.example.com/bot:1", response: response, address: "10.244.0.9")
  }
}
