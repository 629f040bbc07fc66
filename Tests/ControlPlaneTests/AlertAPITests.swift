import APIModel
import AgentModel
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Storage
import Synchronization
import Testing

@testable import ControlPlane

@Suite("Alerts in the API") struct AlertAPITests {
  private static let sentinel = Peer.unix(uid: 900)

  @Test("are told to whoever may see their agent, which the control plane finds by the sandbox") func owners()
    async throws
  {
    try await Platform.with { platform in
      try await platform.test {
        try await $0.create("bot", tenant: "acme")
        try await $0.create("other", tenant: "zeta")
      }
      let bot = try await platform.uid("acme/bot")
      let other = try await platform.uid("zeta/other")
      var lie = alert(container: "test.\(other)", second: 1)
      lie.agent = AgentID("acme/bot")
      let nobody = [
        alert(container: "test.0123456789abcdef", second: 2), alert(container: "elsewhere.\(bot)", second: 3),
      ]
      try await platform.report([alert(container: "test.\(bot)", second: 0), lie] + nobody)
      let viewer = try await platform.token(.viewer, tenant: "acme")
      try await platform.test { caller in
        let all = try decode(Page<AlertResource>.self, try await caller.send(.get, "/v1/alerts"))
        #expect(all.items.map(\.agent) == [nil, nil, AgentID("zeta/other"), AgentID("acme/bot")])
        for uri in ["/v1/alerts", "/v1/alerts?agent=zeta%2Fother", "/v1/alerts?tenant=zeta"] {
          let own = try decode(Page<AlertResource>.self, try await caller.send(.get, uri, token: viewer))
          #expect(own.items.allSatisfy { $0.agent == AgentID("acme/bot") }, "\(uri)")
          #expect(own.items.count == (uri == "/v1/alerts" ? 1 : 0), "\(uri)")
        }
      }
    }
  }

  @Test("that come when their agent is gone are still its own, and those of verify's no one else's") func late()
    async throws
  {
    try await Platform.with { platform in
      for tenant in ["acme", "lobstack-verify"] {
        try await platform.test { try await $0.create("bot", tenant: tenant) }
        let uid = try await platform.uid("\(tenant)/bot")
        try await platform.reconcile()
        try await platform.test { _ = try await $0.send(.delete, "/v1/tenants/\(tenant)/agents/bot") }
        try await platform.reconcile()
        #expect(try await platform.store.agents(limit: 1).isEmpty)
        try await platform.report([alert(container: "test.\(uid)")])
        #expect(await platform.audit.events.last?.target == "agent \(tenant)/bot")
      }
      #expect(
        try await platform.store.alerts(limit: 9).map(\.alert.agent?.tenant.description) == ["lobstack-verify", "acme"])
      try await platform.test { caller in
        let metrics = String(buffer: try await caller.send(.get, "/metrics").body).split(separator: "\n")
        for name in ["lobstack_alerts_total", "lobstack_verification_alerts_total"] {
          #expect(metrics.contains(#"\#(name){rule="Shell spawned",priority="Warning"} 1"#))
        }
      }
    }
  }

  @Test("come in pages, and by filters") func listing() async throws {
    try await Platform.with { platform in
      let priorities = ["Debug", "Warning", "Critical", "Notice", "Error"]
      try await platform.report(priorities.enumerated().map { alert(priority: $1, second: Double($0)) })
      try await platform.test { caller in
        let first = try decode(Page<AlertResource>.self, try await caller.send(.get, "/v1/alerts?limit=3"))
        #expect(first.items.map(\.priority) == ["Error", "Notice", "Critical"])
        let next = try #require(first.next)
        let second = try decode(Page<AlertResource>.self, try await caller.send(.get, "/v1/alerts?cursor=\(next)"))
        #expect(second.items.map(\.priority) == ["Warning", "Debug"] && second.next == nil)
        let found: [(String, [String])] = [
          ("priority=Warning", ["Error", "Critical", "Warning"]), ("priority=emergency", []), ("rule=None", []),
          ("rule=Shell%20spawned&since=1970-01-01T00:00:03Z", ["Error", "Notice"]),
        ]
        for (query, expected) in found {
          let page = try decode(Page<AlertResource>.self, try await caller.send(.get, "/v1/alerts?\(query)"))
          #expect(page.items.map(\.priority) == expected, "\(query)")
        }
        for query in ["priority=huge", "since=yesterday", "agent=bot", "tenant=A", "limit=0", "cursor=x"] {
          let refused = try problem(try await caller.send(.get, "/v1/alerts?\(query)"), .badRequest)
          #expect(refused.detail.contains(query.prefix { $0 != "=" }), "\(refused.detail)")
        }
        let headers: HTTPFields = [.lastEventID: "x"]
        _ = try problem(try await caller.send(.get, "/v1/alerts/stream", headers: headers), .badRequest)
      }
    }
  }

  @Test("are refused when a field breaks its rule, which the problem names") func validation() async throws {
    try await Platform.with { platform in
      let changes: [(String, (inout AlertResource) -> Void)] = [
        ("id", { $0.id = "1" }), ("rule", { $0.rule = "" }), ("priority", { $0.priority = "Huge" }),
        ("priority", { $0.priority = "warning" }), ("source", { $0.source = String(repeating: "x", count: 65) }),
        ("container", { $0.container = "" }), ("hostname", { $0.hostname = String(repeating: "x", count: 256) }),
        ("output", { $0.output = String(repeating: "x", count: 16_385) }), ("response", { $0.response = "none" }),
        ("outputFields", { $0.outputFields = [String(repeating: "x", count: 129): .null] }),
        ("tags", { $0.tags = Array(repeating: "x", count: 65) }), ("suppressed", { $0.suppressed = -1 }),
        ("responseReason", { $0.responseReason = String(repeating: "x", count: 4_097) }),
      ]
      for (field, change) in changes {
        var bad = alert()
        change(&bad)
        let refused = try problem(try await platform.reporting([alert(), bad]), .badRequest)
        #expect(refused.fault.reason.contains("items[1].\(field) "), "\(refused.detail)")
      }
      let many = (0...AlertReport.longest).map { _ in alert() }
      _ = try problem(try await platform.reporting(many), .badRequest)
      try await platform.test(as: Self.sentinel) { caller in
        let missing = try problem(
          try await caller.send(.post, "/v1/alerts", body: #"{"items":[{"id":"x"}]}"#), .badRequest)
        #expect(missing.detail.contains("is missing"), "\(missing.detail)")
      }
      #expect(try await platform.store.alerts(limit: 9).isEmpty)
      #expect(await platform.audit.count("alert.raise", "raised") == 0)
    }
  }

  @Test("are recorded once when raised, and once when their response is over") func audited() async throws {
    try await Platform.with { platform in
      try await platform.test { try await $0.create("bot") }
      let bot = try await platform.uid("default/bot")
      var one = alert(container: "test.\(bot)")
      for _ in 0..<2 { try await platform.report([one]) }
      #expect(await platform.audit.count("alert.raise", "raised") == 1)
      one.responseState = .failed
      one.responseReason = "the node is away"
      for _ in 0..<2 { try await platform.report([one]) }
      // Both at once.
      var other = alert()
      other.responseState = .done
      try await platform.report([other])
      let events = await platform.audit.events.filter { $0.action.hasPrefix("alert.") }
      #expect(events.map(\.action) == ["alert.raise", "alert.respond", "alert.raise", "alert.respond"])
      #expect(events.map(\.outcome) == ["raised", "failed", "raised", "done"])
      #expect(events[0].target == "agent default/bot" && events[0].actor == "sentinel@unix")
      #expect(events[0].details["rule"] == "Shell spawned" && events[0].details["priority"] == "Warning")
      #expect(events[0].details["response"] == "kill" && events[0].details["id"] == one.id)
      #expect(events[1].details["reason"] == "the node is away")
      // What an agent wrote is no part of a record.
      for event in events { #expect(!"\(event)".contains("canary")) }
    }
  }

  @Test("are refused while no record can be written, and taken afterwards") func noRecord() async throws {
    try await Platform.with { platform in
      let one = alert()
      await platform.audit.refuse(
        with: Fault(.exhausted, operation: "append", reason: "the disk is full", remedy: "free space"))
      _ = try problem(try await platform.reporting([one]), .serviceUnavailable)
      #expect(try await platform.store.alerts(limit: 9).isEmpty)
      await platform.audit.refuse(with: nil)
      try await platform.report([one])
      #expect(try await platform.store.alerts(limit: 9).map(\.alert.id) == [one.id])
    }
  }

  @Test("that stand twice in a report are one, as they stand there last") func twice() async throws {
    try await Platform.with { platform in
      let one = alert()
      var over = one
      over.responseState = .done
      try await platform.report([one, over])
      #expect(try await platform.store.alerts(limit: 9).map(\.alert.responseState) == [.done])
      #expect(await platform.audit.count("alert.raise", "raised") == 1)
    }
  }

  @Test("are events, from the place that the client names") func events() async throws {
    try await Platform.with { platform in
      try await platform.report((0..<3).map { alert(second: Double($0)) })
      try await platform.test { caller in
        func events(_ query: String, from place: String?) async throws -> [String] {
          var headers: HTTPFields = [:]
          if let place { headers[.lastEventID] = place }
          let answer = try await caller.send(.get, "/v1/alerts/stream?follow=false\(query)", headers: headers)
          #expect(answer.status == .ok && answer.headers[.contentType] == "text/event-stream")
          return String(buffer: answer.body).split(separator: "\n\n").map(String.init)
        }
        let all = try await events("", from: "0")
        #expect(all.first == "id: 0" && all.count == 4)
        let last = try #require(all.last?.split(separator: "\n").map(String.init))
        #expect(last.count == 2 && last[0] == "id: 3" && last[1].hasPrefix("data: {"))
        let told = try APIJSON.decode(AlertResource.self, from: last[1].dropFirst(6).utf8)
        #expect(told.time == Date(timeIntervalSince1970: 2))
        #expect(try await events("", from: "2").count == 2)
        // Without a place it is what comes, or since a time; a place that never was is the end.
        #expect(try await events("", from: nil) == ["id: 3"])
        #expect(try await events("&since=1970-01-01T00:00:01Z", from: nil).count == 3)
        #expect(try await events("", from: "99") == ["id: 3"])
        #expect(try await events("&rule=None", from: "0") == ["id: 0"])
      }
    }
  }

  @Test("are counted for Prometheus, for callers of all tenants") func metrics() async throws {
    try await Platform.with { platform in
      var one = alert(rule: "A \"quoted\"\\rule")
      try await platform.report([one, alert(), alert()])
      one.responseState = .done
      for _ in 0..<2 { try await platform.report([one]) }
      let (scraper, bound) = (try await platform.token(.viewer), try await platform.token(.viewer, tenant: "acme"))
      try await platform.test(as: .remote) { caller in
        let answer = try await caller.send(.get, "/metrics", token: scraper)
        #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
        let lines = String(buffer: answer.body).split(separator: "\n").map(String.init)
        #expect(lines.contains(#"lobstack_alerts_total{rule="Shell spawned",priority="Warning"} 2"#))
        #expect(lines.contains(#"lobstack_alerts_total{rule="A \"quoted\"\\rule",priority="Warning"} 1"#))
        #expect(!lines.contains { $0.hasPrefix("lobstack_verification_alerts_total{") })
        #expect(lines.contains(#"lobstack_alert_responses_total{response="kill",state="done"} 1"#))
        _ = try problem(try await caller.send(.get, "/metrics", token: bound), .forbidden)
      }
    }
  }
}

/// An alert under an id of its own.
func alert(
  container: String = "test.0123456789abcdef", rule: String = "Shell spawned", priority: String = "Warning",
  second: Double = 0
) -> AlertResource {
  AlertResource(
    id: UUID().uuidString.lowercased(), time: Date(timeIntervalSince1970: second), rule: rule, priority: priority,
    source: "syscall", container: container, hostname: "host", output: "a shell was spawned by canary",
    outputFields: ["proc.cmdline": .string("sh -c canary"), "proc.pid": .int(1)], tags: ["shell"], response: "kill",
    responseState: .pending)
}

extension Platform {
  /// Reports as the sentinel.
  fileprivate func reporting(_ alerts: [AlertResource]) async throws -> TestResponse {
    let body = String(decoding: try APIJSON.encode(AlertReport(items: alerts)), as: UTF8.self)
    let answer = Mutex<TestResponse?>(nil)
    try await test(as: .unix(uid: 900)) { caller in
      let response = try await caller.send(.post, "/v1/alerts", body: body)
      answer.withLock { $0 = response }
    }
    let taken = answer.withLock { $0 }
    return try #require(taken)
  }

  fileprivate func report(_ alerts: [AlertResource]) async throws {
    let answer = try await reporting(alerts)
    try #require(answer.status == .noContent, "\(String(buffer: answer.body))")
  }

  fileprivate func uid(_ text: String) async throws -> AgentUID {
    let id = try #require(AgentID(text))
    return try #require(try await store.agent(id)).uid
  }
}
