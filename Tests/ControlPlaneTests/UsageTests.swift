import APIModel
import AgentModel
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NodeProtocol
import Storage
import Testing

@testable import ControlPlane

@Suite("What agents use") struct UsageTests {
  private static let path = "/v1/tenants/default/agents/bot/usage"
  private static let start = ContinuousClock.now

  private func reading(
    _ uid: AgentUID, second: Int, cpuSeconds: Double = 0, memoryBytes: UInt64 = 1 << 20, process: Int32 = 7
  ) -> AgentUsage {
    AgentUsage(
      uid: uid, process: process, readAt: Self.start + .seconds(second),
      cpuNanoseconds: UInt64(cpuSeconds * 1_000_000_000), memoryBytes: memoryBytes, tasks: 40, cpuLimit: 1,
      memoryLimit: 2 << 30, taskLimit: 4156)
  }

  @Test("is kept for an hour, and then the oldest gives way") func ring() {
    let (history, uid) = (UsageHistory(), AgentUID.random())
    for number in 0..<(UsageHistory.kept + 5) {
      history.take(
        [reading(uid, second: number * 10, cpuSeconds: Double(number) * 5)], of: [uid],
        at: Date(timeIntervalSince1970: Double(number) * 10), now: Self.start + .seconds(number * 10))
    }
    let present = Date(timeIntervalSince1970: 3640)
    let samples = history.usage(of: uid, at: present).samples
    #expect(samples.map(\.time.timeIntervalSince1970) == (5..<365).map { Double($0) * 10 })
    #expect(samples.allSatisfy { $0.cpus == 0.5 && $0.memoryBytes == 1 << 20 && $0.tasks == 40 })
    #expect(history.usage(of: uid, newest: 2, at: present).samples == samples.suffix(2))
    #expect(history.newest(of: uid, now: Self.start + .seconds(3650)) == samples.last)
  }

  @Test("is of the last hour, so that an agent that stopped is forgotten little by little") func stopped() {
    let (history, uid, end) = (UsageHistory(), AgentUID.random(), Date(timeIntervalSince1970: 1_000_000))
    for second in [0, 10] { history.take([reading(uid, second: second)], of: [uid], at: end + Double(second)) }
    for (later, count) in [(3600.0, 2), (3601, 1), (3610, 1), (3611, 0), (3 * 86_400, 0)] {
      let usage = history.usage(of: uid, at: end + later)
      #expect(usage.samples.count == count && (usage.limits.tasks == nil) == (count == 0), "after \(later) s")
    }
    // It runs again, and what was before stays forgotten.
    history.take([reading(uid, second: 4000)], of: [uid], at: end + 4000)
    #expect(history.usage(of: uid, at: end + 4000).samples.map(\.time) == [end + 4000])
  }

  @Test("is counted from another sandbox's beginning on, and never from a clock or a count that went back")
  func begins() {
    let (history, uid) = (UsageHistory(), AgentUID.random())
    for reading in [
      reading(uid, second: 0, cpuSeconds: 1), reading(uid, second: 10, cpuSeconds: 3),
      reading(uid, second: 20, cpuSeconds: 90, process: 8), reading(uid, second: 30, cpuSeconds: 80, process: 8),
      reading(uid, second: 30, cpuSeconds: 85, process: 8), reading(uid, second: 50, cpuSeconds: 86, process: 8),
    ] {
      history.take([reading], of: [uid])
    }
    #expect(history.usage(of: uid).samples.map(\.cpus) == [nil, 0.2, nil, nil, nil, 0.05])
  }

  @Test("holds also numbers that are too large, and is forgotten with its agent") func bounds() {
    let (history, uid, other) = (UsageHistory(), AgentUID.random(), AgentUID.random())
    history.take([reading(uid, second: 0, memoryBytes: .max), reading(other, second: 0)], of: [uid])
    #expect(history.usage(of: uid).samples.map(\.memoryBytes) == [Int64(UInt32.max) << 10])
    #expect(history.usage(of: other).samples.isEmpty)
    history.take([], of: [])
    #expect(history.usage(of: uid).samples.isEmpty)
  }

  @Test("travels from the node as it was read") func message() throws {
    let usage = reading(.random(), second: 3, cpuSeconds: 0.25)
    let reply = try JSONDecoder().decode(NodeReply.self, from: JSONEncoder().encode(NodeReply.used([usage])))
    guard case .used(let told) = reply else {
      Issue.record("another reply")
      return
    }
    #expect(told == [usage])
  }

  /// A platform with a running agent `bot`, of which the node tells what it uses.
  private func with(_ body: (Platform, UsageWatch) async throws -> Void) async throws {
    try await Platform.with { platform in
      try await platform.test { try await $0.create("bot") }
      try await platform.reconcile()
      let watch = UsageWatch(
        node: platform.node, view: platform.api.view, history: platform.api.usage, logger: platform.api.logger)
      try await body(platform, watch)
    }
  }

  @Test("is in the agent's status and behind it over time, and is empty of an agent that never ran") func api()
    async throws
  {
    try await with { platform, watch in
      let bot = try #require(AgentName("bot"))
      try await platform.test { caller in
        let before = try decode(UsageResource.self, try await caller.send(.get, Self.path))
        #expect(before == UsageResource(intervalSeconds: 10, limits: .init(), samples: []))
        for number in 0..<3 {
          await platform.node.use(
            bot, cpuNanoseconds: UInt64(number) * 2_000_000_000, memoryBytes: 3 << 20,
            at: Self.start + .seconds(number * 10))
          await watch.look()
        }
        let usage = try decode(UsageResource.self, try await caller.send(.get, Self.path))
        #expect(usage.limits == .init(cpus: 1, memoryBytes: 2 << 30, tasks: 4156))
        #expect(usage.samples.map(\.cpus) == [nil, 0.2, 0.2])
        let newest = try decode(UsageResource.self, try await caller.send(.get, Self.path + "?limit=1"))
        #expect(newest.samples == Array(usage.samples.suffix(1)))
        let agent = try decode(
          AgentResource.self, try await caller.send(.get, "/v1/tenants/default/agents/bot"))
        #expect(agent.status.usage == usage.samples.last)
        for limit in ["0", "361", "-1", "x"] {
          _ = try problem(try await caller.send(.get, Self.path + "?limit=\(limit)"), .badRequest)
        }
      }
    }
  }

  @Test("says nothing of the present once the node is silent, and has a gap then") func silence() async throws {
    try await with { platform, watch in
      let uid = try #require(try await platform.store.agents(limit: 1).first).uid
      await platform.node.use(try #require(AgentName("bot")), at: .now)
      await watch.look()
      await platform.node.setDown(true)
      await watch.look()
      let history = platform.api.usage
      #expect(history.usage(of: uid).samples.count == 1)
      #expect(history.newest(of: uid) != nil && history.counts().count == 1)
      let later = ContinuousClock.now + .seconds(31)
      #expect(history.newest(of: uid, now: later) == nil && history.counts(now: later).isEmpty)
    }
  }

  @Test("is a few series for each agent that runs, for whoever asks for them") func metrics() async throws {
    try await with { platform, watch in
      await platform.node.use(
        try #require(AgentName("bot")), cpuNanoseconds: 1_500_000_000, memoryBytes: 3 << 20, at: .now)
      await watch.look()
      try await platform.test { caller in
        let lines = String(buffer: try await caller.send(.get, "/metrics?of=agents").body).split(separator: "\n")
        let labels = #"{tenant="default",agent="bot"}"#
        #expect(
          lines.filter { !$0.hasPrefix("#") } == [
            "lobstack_agent_cpu_seconds_total\(labels) 1.5", "lobstack_agent_memory_bytes\(labels) 3145728",
            "lobstack_agent_memory_limit_bytes\(labels) 2147483648", "lobstack_agent_tasks\(labels) 40",
          ])
        let others = String(buffer: try await caller.send(.get, "/metrics").body)
        #expect(!others.contains("lobstack_agent_memory_bytes"))
        _ = try problem(try await caller.send(.get, "/metrics?of=everything"), .badRequest)
      }
      let bound = try await platform.token(.viewer, tenant: "default")
      try await platform.test(as: .remote) { caller in
        _ = try problem(try await caller.send(.get, "/metrics?of=agents", token: bound), .forbidden)
      }
    }
  }
}
