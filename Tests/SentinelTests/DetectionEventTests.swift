import APIModel
import AgentModel
import Foundation
import NodeProtocol
import Testing
import TraceWriting

@testable import Sentinel

@Suite("Events of a sandbox", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(3)))
struct DetectionEventTests {
  private static let other = "t.fedcba9876543210"

  /// Runs `body` with a client of the one sandbox that is watched.
  private func attached(_ body: (DetectionBench, TraceClient) async throws -> Void) async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub()])
      try await body(bench, try await bench.attach())
    }
  }

  @Test("that a rule matches raise an alert, and others none") func matched() async throws {
    try await attached { bench, client in
      try await client.send(TraceBytes.openat("/etc/passwd"), times: 10)
      try await client.send(TraceBytes.openat("/etc/shadow"))
      let alert = try await bench.alert("Shadow read")
      #expect(bench.alerts().count == 1)
      #expect(alert.container == DetectionBench.container && alert.agent == nil && alert.hostname == "host-1")
      #expect(alert.priority == "Warning" && alert.source == "syscall" && alert.tags == ["files"])
      #expect(alert.output == "shadow was read (file=/etc/shadow command=agent)")
      #expect(alert.outputFields["fd.name"] == JSONValue.string("/etc/shadow"))
      #expect(abs(alert.time.timeIntervalSince1970 - Double(MessageBuilder.time) / 1e9) < 0.001)
      #expect(alert.response == "alert" && alert.responseState == AlertResource.ResponseState.none)
    }
  }

  @Test("raise alerts of their own sandbox") func ownSandbox() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub(), try WatchedSandbox.stub("fedcba9876543210")])
      _ = try await bench.attach()
      let client = try await bench.attach(Self.other)
      try await client.send(TraceBytes.openat("/etc/shadow", container: Self.other))
      let alert = try await bench.alert("Shadow read")
      #expect(alert.container == Self.other)
    }
  }

  @Test("are matched by the rules that came last") func otherRules() async throws {
    try await attached { bench, client in
      try bench.tell(rules: DetectionBench.rules.replacing("/etc/shadow", with: "/etc/passwd"))
      try await client.send(TraceBytes.openat("/etc/shadow"))
      try await client.send(TraceBytes.openat("/etc/passwd"))
      let alert = try await bench.alert("Shadow read")
      #expect(alert.outputFields["fd.name"] == JSONValue.string("/etc/passwd"))
      #expect(bench.alerts().count == 1)
    }
  }

  @Test("are known to be for the platform's own services by the address that the watch of rules adds")
  func ownServices() async throws {
    let rules = """
      - list: platform_service_ips
        items: []
      - rule: Connected elsewhere
        desc: d
        condition: evt.type = connect and not fd.sip in (platform_service_ips)
        output: connected (address=%fd.sip)
        priority: NOTICE

      """
    try await attached { bench, client in
      try bench.tell(rules: rules + RuleWatch.ownList("10.64.255.253"))
      try await client.send(TraceBytes.connect([10, 64, 255, 253], port: 53))
      try await client.send(TraceBytes.connect([192, 0, 2, 1], port: 53))
      let alert = try await bench.alert("Connected elsewhere")
      #expect(alert.outputFields["fd.sip"] == JSONValue.string("192.0.2.1"))
      #expect(bench.alerts().count == 1)
    }
  }

  @Test("that say they are another sandbox's raise an alert about the one that told them") func foreign() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub(), try WatchedSandbox.stub("fedcba9876543210")])
      let client = try await bench.attach()
      try await client.send(TraceBytes.openat("/etc/shadow", container: Self.other))
      let alert = try await bench.alert("Trace message of another sandbox")
      #expect(alert.container == DetectionBench.container && alert.source == "internal")
      #expect(alert.priority == "Critical")
      // They are no events of either.
      try await client.send(TraceBytes.openat("/etc/shadow"))
      _ = try await bench.alert("Shadow read")
      #expect(bench.alerts(of: "Shadow read").map(\.container) == [DetectionBench.container])
    }
  }

  @Test("that gVisor could not tell raise an alert with their number, each time that there are more")
  func dropped() async throws {
    let rule = "Trace events dropped"
    try await attached { bench, client in
      try await client.send(TraceBytes.openat("/tmp/x"))
      try await client.send(TraceBytes.openat("/tmp/x", dropped: 7))
      let first = try await bench.alert(rule)
      #expect(first.container == DetectionBench.container && first.source == "internal")
      #expect(first.priority == "Critical")
      #expect(first.outputFields["dropped"] == JSONValue.unsigned(7))
      #expect(first.outputFields["altogether"] == JSONValue.unsigned(7))
      try await client.send(TraceBytes.openat("/tmp/x", dropped: 10))
      try await eventually("another alert") { bench.alerts(of: rule).count == 2 }
      let second = try #require(bench.alerts(of: rule).last)
      #expect(second.outputFields["dropped"] == JSONValue.unsigned(3))
      #expect(second.outputFields["altogether"] == JSONValue.unsigned(10))
      // Neither the same number nor a smaller one is anything new.
      for count in [10, 5] as [UInt32] { try await client.send(TraceBytes.openat("/etc/shadow", dropped: count)) }
      try await eventually("their alerts") { bench.alerts(of: "Shadow read").count == 2 }
      #expect(bench.alerts(of: rule).count == 2)
    }
  }

  @Test("whose messages are not as gVisor's are raise an alert with their number") func malformed() async throws {
    let rule = "Trace messages not understood"
    try await attached { bench, client in
      try await client.send([8, 0, 7, 0, 0, 0, 0, 0, 0x0a, 5])
      try await client.send([1])
      try await client.send(Array(TraceBytes.openat("/etc/shadow").dropLast()))
      let first = try await bench.alert(rule)
      #expect(first.container == DetectionBench.container && first.source == "internal")
      #expect(first.priority == "Critical")
      func count() -> Int64 {
        bench.alerts(of: rule).reduce(0) { sum, alert in
          guard case .int(let count)? = alert.outputFields["count"] else { return sum }
          return sum + count
        }
      }
      try await eventually("all three of them") { count() >= 3 }
      // The session goes on.
      try await client.send(TraceBytes.openat("/etc/shadow"))
      _ = try await bench.alert("Shadow read")
      #expect(count() == 3)
    }
  }

  @Test("that are a flood raise a bounded number of alerts, and each of them is counted") func flood() async throws {
    let rule = "Shadow read"
    try await attached { bench, client in
      let began = ContinuousClock.now
      try await client.send(TraceBytes.openat("/etc/shadow"), times: 5_000)
      try await eventually("all events", within: .seconds(60)) { bench.counts(of: rule).events >= 5_000 }
      let seconds = Int((ContinuousClock.now - began).components.seconds) + 1
      let counts = bench.counts(of: rule)
      #expect(counts.events == 5_000)
      #expect((20...20 + seconds).contains(counts.alerts))
      // Each may be reported once more each second, with its count.
      #expect(bench.alerts().count <= 20 + 3 * seconds)
    }
  }

  @Test("that are a flood hide nothing of another sandbox, nor another rule's alerts") func hidden() async throws {
    try await DetectionBench.with { bench in
      try bench.tell()
      bench.tell([try WatchedSandbox.stub(), try WatchedSandbox.stub("fedcba9876543210")])
      let flooding = try await bench.attach()
      let quiet = try await bench.attach(Self.other)
      try await flooding.send(TraceBytes.openat("/etc/shadow"), times: 2_000)
      try await flooding.send(TraceBytes.openat("/etc/key"))
      try await quiet.send(TraceBytes.openat("/etc/shadow", container: Self.other))
      _ = try await bench.alert("Key read")
      try await eventually("the other's alert") {
        bench.alerts(of: "Shadow read").contains { $0.container == Self.other }
      }
    }
  }

  @Test("that gVisor does not tell are told by the node: an operator's programs") func command() async throws {
    let rules = """
      - rule: Program started
        desc: d
        condition: evt.type = execve and proc.name = id
        output: a program was started (command=%proc.cmdline)
        priority: NOTICE
      """
    try await attached { bench, _ in
      try bench.tell(rules: rules)
      let time = Date(timeIntervalSince1970: 1_795_756_868)
      let commands = [(Self.other, "-a"), (DetectionBench.container, "-u")]
      for (container, option) in commands {
        let command = OperatorCommand(container: container, command: ["/usr/bin/id", option], time: time)
        bench.server.tell(.node(.command(command)))
      }
      let alert = try await bench.alert("Program started")
      #expect(alert.container == DetectionBench.container && alert.time == time)
      #expect(alert.outputFields["proc.cmdline"] == JSONValue.string("id -u"))
      #expect(bench.alerts().count == 1)
    }
  }

  @Test("that others found are told of the sandbox whose place it was, and of no other") func findings() async throws {
    try await DetectionBench.with { bench in
      bench.tell([try WatchedSandbox.stub()])
      let places: [DetectionServer.Place] = [
        .container(Self.other), .address("10.64.9.9"), .interface("lbt9"), .container(DetectionBench.container),
        .address("10.64.0.2"), .interface("lbt1"),
      ]
      for (number, place) in places.enumerated() {
        bench.server.tell(.finding(.deniedBurst(number, seconds: 10), at: place))
      }
      bench.server.tell(.finding(.rulesLoaded(3), at: nil))
      let loaded = try await bench.alert("Detection rules loaded")
      #expect(loaded.container == "host" && loaded.source == "internal")
      let bursts = bench.alerts(of: "Denied egress burst")
      let counts = bursts.compactMap { $0.outputFields["count"] }
      #expect(counts == [JSONValue.int(3), JSONValue.int(4), JSONValue.int(5)])
      #expect(bursts.allSatisfy { $0.container == DetectionBench.container })
      #expect(bursts.first?.outputFields["agent.name"] == JSONValue.string("bot"))
    }
  }
}
