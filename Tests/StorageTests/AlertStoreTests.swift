import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Storage
import Testing

@Suite("The store's alerts") struct AlertStoreTests {
  private func withStore(_ body: (Store, String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-alerts-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let store = try await Store.open(path: "\(directory)/test.sqlite", key: testKey)
    try await body(store, directory)
    try store.close()
  }

  private func alert(
    _ id: String, agent: String? = "acme/bot", rule: String = "Shell", priority: String = "Warning", second: Double = 0
  ) -> AlertResource {
    AlertResource(
      id: id, time: Date(timeIntervalSince1970: second), rule: rule, priority: priority, source: "syscall",
      agent: agent.flatMap { AgentID($0) }, container: "default.0123456789abcdef", hostname: "host",
      output: "a shell was spawned by sh -c canary-of-a-command",
      outputFields: ["proc.pid": .int(7), "fd.name": .null],
      tags: ["shell"], response: "kill", responseState: .pending)
  }

  @Test("are given back as they were given, newest first, in pages") func paging() async throws {
    try await withStore { store, _ in
      let alerts = (0..<5).map { alert("\($0)", second: Double($0)) }
      let recorded = try await store.record(alerts)
      #expect(recorded.map(\.alert) == alerts && recorded.allSatisfy { $0.before == nil })
      let first = try await store.alerts(limit: 2)
      #expect(first.map(\.alert) == [alerts[4], alerts[3]])
      let rest = try await store.alerts(before: first.last?.number, limit: 9)
      #expect(rest.map(\.alert.id) == ["2", "1", "0"])
    }
  }

  @Test("change in what concerns their response, and in nothing else") func updates() async throws {
    try await withStore { store, _ in
      let first = alert("a")
      _ = try await store.record([first, alert("b")])
      let end = try await store.lastAlertChange()
      var later = alert("a", agent: "zeta/other", rule: "Another", priority: "Debug")
      later.responseState = .failed
      later.responseReason = "the node does not answer"
      later.responseTime = Date(timeIntervalSince1970: 9)
      later.suppressed = 3
      let recorded = try await store.record([later])
      var expected = first
      expected.responseState = .failed
      expected.responseReason = later.responseReason
      expected.responseTime = later.responseTime
      expected.suppressed = 3
      #expect(recorded.map(\.alert) == [expected] && recorded.first?.before == .pending)
      // Its place in listings stays, so that nobody who pages misses another; followers see it again.
      #expect(try await store.alerts(limit: 9).map(\.alert) == [alert("b"), expected])
      let changes = try await store.alertChanges(after: end, limit: 9)
      #expect(changes.alerts.map(\.alert) == [expected])
      let known = try await store.alerts(withIDs: ["a", "b", "c"])
      #expect(known.mapValues(\.responseState) == ["a": .failed, "b": .pending])
      // The same once more, and what overtook it, change nothing.
      #expect(try await store.record([later, first]).isEmpty)
      #expect(try await store.lastAlertChange() == changes.place)
    }
  }

  @Test("are followed from any place, to the end, by those who asked for something else too") func following()
    async throws
  {
    try await withStore { store, _ in
      _ = try await store.record((0..<5).map { alert("\($0)") })
      let first = try await store.alertChanges(after: 0, limit: 3)
      #expect(first.alerts.map(\.alert.id) == ["0", "1", "2"] && first.place == first.alerts.last?.change)
      let rest = try await store.alertChanges(after: first.place, limit: 3)
      #expect(rest.alerts.map(\.alert.id) == ["3", "4"])
      let none = try await store.alertChanges(after: 0, AlertFilter(rule: "Other"), limit: 3)
      #expect(none.alerts.isEmpty && none.place == rest.place)
    }
  }

  @Test(
    "are found by agent, tenant, priority, rule and time",
    arguments: [
      (AlertFilter(agent: AgentID("acme/bot")), ["0", "2"]),
      (AlertFilter(tenant: TenantName("acme")), ["0", "1", "2"]),
      (AlertFilter(tenants: Set(["zeta", "none"].compactMap { TenantName($0) })), ["3"]),
      (AlertFilter(tenants: Set(["acme", "zeta"].compactMap { TenantName($0) }), priority: .error), ["1", "3"]),
      (AlertFilter(tenants: []), []),
      (AlertFilter(priority: .error), ["1", "3"]), (AlertFilter(priority: .debug), ["0", "1", "2", "3", "4"]),
      (AlertFilter(rule: "Miner"), ["3"]), (AlertFilter(since: Date(timeIntervalSince1970: 3)), ["3", "4"]),
      (AlertFilter(tenant: TenantName("acme"), priority: .error), ["1"]),
    ])
  func filters(filter: AlertFilter, expected: [String]) async throws {
    try await withStore { store, _ in
      _ = try await store.record([
        alert("0", second: 0), alert("1", agent: "acme/other", priority: "Critical", second: 1),
        alert("2", priority: "Debug", second: 2),
        alert("3", agent: "zeta/z", rule: "Miner", priority: "Error", second: 3),
        alert("4", agent: nil, second: 4),
      ])
      #expect(try await store.alerts(filter, limit: 9).map(\.alert.id).sorted() == expected)
      let scope = try #require(TenantName("acme"))
      let scoped = try await store.alerts(filter, scope: scope, limit: 9)
      #expect(scoped.allSatisfy { $0.alert.agent?.tenant == scope })
      let followed = try await store.alertChanges(after: 0, filter, limit: 9)
      #expect(followed.alerts.map(\.alert.id) == expected)
    }
  }

  @Test("are forgotten after thirty days") func age() async throws {
    try await withStore { store, _ in
      let start = Date(timeIntervalSince1970: 1_700_000_000)
      _ = try await store.record([alert("old")], at: start)
      _ = try await store.record([alert("young")], at: start.addingTimeInterval(29 * 86_400))
      #expect(try await store.alerts(limit: 9).count == 2)
      _ = try await store.record([alert("new")], at: start.addingTimeInterval(31 * 86_400))
      #expect(try await store.alerts(limit: 9).map(\.alert.id) == ["new", "young"])
    }
  }

  @Test("are a hundred thousand at most, the newest", .timeLimit(.minutes(3))) func bound() async throws {
    try await withStore { store, _ in
      let batch = 5_000
      for round in 0...(Store.keptAlerts / batch) {
        _ = try await store.record((0..<batch).map { alert("\(round)-\($0)") })
      }
      let newest = try await store.alerts(limit: 1)
      let last = try #require(newest.first)
      #expect(last.number == Int64(Store.keptAlerts + batch))
      let oldest = last.number - Int64(Store.keptAlerts)
      #expect(try await store.alerts(before: oldest + 2, limit: 9).map(\.number) == [oldest + 1])
    }
  }

  @Test("of one tenant push out that tenant's own, and nobody else's") func shares() async throws {
    try await withStore { store, _ in
      func record(_ agent: String?, _ name: String, _ count: Int) async throws {
        let alerts = (0..<count).map { alert("\(name)-\($0)", agent: agent) }
        _ = try await store.record(alerts, keeping: 10)
      }
      func kept() async throws -> [String] { try await store.alerts(limit: 99).map(\.alert.id) }
      try await record("quiet/bot", "quiet", 2)
      try await record(nil, "host", 1)
      // More at once than all that is kept.
      try await record("noisy/bot", "noisy", 30)
      #expect(try await kept() == (23..<30).reversed().map { "noisy-\($0)" } + ["host-0", "quiet-1", "quiet-0"])
      // Another takes no more than half of it, however many it has.
      try await record("loud/bot", "loud", 50)
      let now = try await kept()
      let counts = ["noisy", "loud", "host", "quiet"].map { name in now.count { $0.hasPrefix(name) } }
      #expect(
        now.count == 10 && counts[2...] == [1, 2] && counts[0] + counts[1] == 7 && abs(counts[0] - counts[1]) == 1)
      // Its oldest went.
      #expect(now.first == "loud-49")
      // What is not there any more takes no share.
      let month = Date.now.addingTimeInterval(31 * 86_400)
      _ = try await store.record([alert("new")], at: month, keeping: 10)
      _ = try await store.record((0..<12).map { alert("more-\($0)", agent: nil) }, at: month, keeping: 10)
      #expect(try await kept() == (3..<12).reversed().map { "more-\($0)" } + ["new"])
    }
  }

  @Test("of a priority that nobody knows are refused, all of the report") func unknownPriority() async throws {
    try await withStore { store, _ in
      let fault = await #expect(throws: Fault.self) {
        try await store.record([alert("a"), alert("b", priority: "Huge")])
      }
      #expect(fault?.code == .invalid)
      let kept = try await store.alerts(limit: 9)
      #expect(kept.isEmpty)
    }
  }

  @Test("show nothing of a command line in any file") func sealed() async throws {
    try await withStore { store, directory in
      _ = try await store.record([alert("a")])
      #expect(try await Command("grep", ["-rlaF", "canary-of-a-command", directory]).run().standardOutput.isEmpty)
      // The search finds what is not sealed.
      #expect(try await Command("grep", ["-rlaF", "Warning", directory]).run().standardOutput.isEmpty)
      #expect(try await Command("grep", ["-rlaF", "Shell", directory]).run().standardOutput.contains("test.sqlite"))
    }
  }

  @Test("know whose life a uid is, and a day long whose it was") func owners() async throws {
    try await withStore { store, _ in
      let stored = StoredAgent(
        agent: Agent(
          id: try #require(AgentID("acme/bot")),
          spec: AgentSpec(image: try #require(ImageReference("dir:/srv/image")))),
        uid: .random(), createdAt: .now, creator: "root", auditIndex: 1)
      _ = try await store.create(stored)
      #expect(try await store.agentIDs(of: [stored.uid, .random()]) == [stored.uid: stored.id])
      for _ in 0..<2 { try await store.remove(stored.uid) }
      #expect(try await store.agent(stored.id) == nil)
      #expect(try await store.agentIDs(of: [stored.uid, .random()]) == [stored.uid: stored.id])
      try await store.remove(.random(), at: .now + 86_399)
      #expect(try await store.agentIDs(of: [stored.uid]) == [stored.uid: stored.id])
      try await store.remove(.random(), at: .now + 86_401)
      #expect(try await store.agentIDs(of: [stored.uid]).isEmpty)
    }
  }
}
