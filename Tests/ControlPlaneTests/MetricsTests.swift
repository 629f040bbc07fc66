import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import Instruments
import Logging
import NIOCore
import Storage
import Testing

@testable import ControlPlane

@Suite("The metrics") struct MetricsTests {
  private static let promtool = "/usr/bin/promtool"
  private static let hasPromtool = FileManager.default.isExecutableFile(atPath: promtool)

  @Test("are those that the reference lists, with its types and labels, and no others") func reference() async throws {
    try await Platform.with { platform in
      let page = try String(
        contentsOfFile: "\(Platform.policyDirectory)/../docs/reference/metrics.md", encoding: .utf8)
      let platformPart = try #require(page.components(separatedBy: "## The admission webhook").first)
      let listed = platformPart.matches(of: /\| `([a-z0-9_]+)` \| (\w+) \|([^|]*)\|/).map { match in
        "\(match.1) \(match.2) \(match.3.matches(of: /`(\w+)`/).map { String($0.1) })"
      }
      let families = await platform.api.exposition().families + platform.api.usageExposition().families
      let told = families.map { "\($0.name) \($0.kind) \($0.labels)" }
      #expect(Set(told) == Set(listed), "\(Set(told).symmetricDifference(listed).sorted())")
      #expect(told.count == Set(told).count && listed.count == Set(listed).count)
    }
  }

  @Test("have the names and forms that promtool wants", .enabled(if: hasPromtool, "run scripts/setup"))
  func conventions() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot")
        let text = String(buffer: try await caller.send(.get, "/metrics").body)
        let result = try await Command(Self.promtool, ["check", "metrics"]).run(input: Array(text.utf8))
        #expect(result.status == .exited(0), "\(result.standardOutput)\(result.standardError)")
      }
    }
  }

  @Test("count agents by phase and their layers by what was read back; of a node that is away nothing is read")
  func agents() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        #expect(try await caller.lines().contains(#"lobstack_agents{phase="Running"} 0"#))
        await platform.node.fail(
          try #require(AgentName("bad")), with: Fault(.failed, operation: "start", reason: "no", remedy: "look"))
        for name in ["one", "two", "bad"] { try await caller.create(name) }
        #expect(try await caller.lines().contains(#"lobstack_agents{phase="Pending"} 3"#))
        try await platform.reconcile()
        let lines = try await caller.lines()
        #expect(lines.contains(#"lobstack_agents{phase="Running"} 2"#))
        #expect(lines.contains(#"lobstack_agents{phase="Failed"} 1"#))
        #expect(lines.contains(#"lobstack_agents{phase="Quarantined"} 0"#))
        #expect(lines.contains(#"lobstack_agent_layers{layer="sandbox",state="enforced"} 2"#))
        #expect(lines.contains(#"lobstack_agent_layers{layer="sandbox",state="failed"} 0"#))
        #expect(lines.contains(#"lobstack_agent_layers{layer="admission",state="enforced"} 3"#))
        #expect(lines.contains(#"lobstack_component_ready{component="node"} 1"#))
        await platform.node.setDown(true)
        // It fails, and notes that.
        try? await platform.reconcile()
        let away = try await caller.lines()
        #expect(away.contains(#"lobstack_component_ready{component="node"} 0"#))
        #expect(away.contains(#"lobstack_agent_layers{layer="sandbox",state="unknown"} 3"#))
        #expect(
          away.contains { $0.hasPrefix(#"lobstack_component_last_answer_timestamp_seconds{component="node"} 1"#) })
      }
    }
  }

  @Test("tell of the secrets manager what was heard last, and that it does not answer") func secretsManager()
    async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        // Nobody has asked yet: what is not known is not told.
        let before = try await caller.lines()
        #expect(before.contains(#"lobstack_component_ready{component="vault"} 0"#))
        #expect(!before.contains { $0.hasPrefix("lobstack_secrets_manager_sealed ") })
        await platform.api.watch.look()
        let lines = try await caller.lines()
        #expect(lines.contains(#"lobstack_component_ready{component="vault"} 1"#))
        #expect(lines.contains("lobstack_secrets_manager_sealed 0"))
        await platform.secrets.setSilent(true)
        await platform.api.watch.look()
        let silent = try await caller.lines()
        #expect(silent.contains(#"lobstack_component_ready{component="vault"} 0"#))
        #expect(silent.contains("lobstack_secrets_manager_sealed 0"))
        #expect(
          silent.contains { $0.hasPrefix(#"lobstack_component_last_answer_timestamp_seconds{component="vault"} "#) })
        await platform.secrets.setSilent(false)
        await platform.secrets.setDown(true)
        await platform.api.watch.look()
        #expect(try await caller.lines().contains("lobstack_secrets_manager_sealed 1"))
      }
    }
  }

  @Test("of requests have the route's template and a known method as labels, whatever is asked") func requests()
    async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot")
        _ = try await caller.send(.get, "/v1/tenants/default/agents/bot")
        for canary in ["canary-one", "canary-two"] {
          _ = try await caller.send(.get, "/v1/tenants/default/agents/\(canary)?q=\(canary)")
          _ = try await caller.send(.get, "/\(canary)")
          _ = try await caller.send(try #require(HTTPRequest.Method(canary)), "/v1/agents")
        }
        let lines = try await caller.lines()
        let name = "lobstack_http_requests_total"
        #expect(lines.contains(name + #"{method="POST",route="/v1/agents",code="201"} 1"#))
        let agent = "/v1/tenants/{tenant}/agents/{name}"
        #expect(lines.contains(name + #"{method="GET",route="\#(agent)",code="200"} 1"#))
        #expect(lines.contains(name + #"{method="GET",route="\#(agent)",code="404"} 2"#))
        #expect(lines.contains(name + #"{method="GET",route="none",code="404"} 2"#))
        #expect(lines.contains(name + #"{method="other",route="none",code="405"} 2"#))
        #expect(lines.contains(#"lobstack_http_request_duration_seconds_count{method="GET",route="\#(agent)"} 3"#))
        #expect(!lines.contains { $0.contains("canary") || $0.contains("bot") })
      }
    }
  }

  @Test("count who makes too many requests, and refusals that the sentinel reports, without believing every number")
  func refusals() async throws {
    var limits = APILimits()
    limits.requestsPerSecond = 0.001
    limits.requestBurst = 1
    try await Platform.with(limits: limits) { platform in
      let viewer = try await platform.token(.viewer)
      try await platform.test(as: .remote) { caller in
        for status in [HTTPResponse.Status.ok, .tooManyRequests, .tooManyRequests] {
          let answer = try await caller.send(.get, "/v1/status", token: viewer)
          #expect(answer.status == status)
        }
      }
      let most = Int.max
      let denials = [("egress", 3), ("egress", 4), ("dns", most), ("dns", most), ("spoof", -7)].map { rule, count in
        DenialResource(
          time: .now, agent: nil, rule: rule, protocol: "tcp", source: "10.0.0.2", destination: "10.0.0.1", port: 80,
          count: count)
      }
      let report = String(decoding: try APIJSON.encode(DenialReport(items: denials)), as: UTF8.self)
      try await platform.test { caller in
        #expect(try await caller.send(.post, "/v1/denials", body: report).status == .noContent)
        let lines = try await caller.lines()
        #expect(lines.contains("lobstack_http_rate_limited_requests_total 2"))
        #expect(lines.contains(#"lobstack_denials_total{rule="egress"} 7"#))
        #expect(lines.contains(#"lobstack_denials_total{rule="dns"} \#(most)"#))
        #expect(lines.contains(#"lobstack_denials_total{rule="spoof"} 0"#))
      }
    }
  }

  @Test("count alerts about the agents of verify apart, and no others") func probes() async throws {
    try await Platform.with { platform in
      for tenant in ["acme", "lobstack-verify", "lobstack-verify-other", "lobstack-verify-2"] {
        var raised = alert()
        raised.agent = AgentID(tenant: try #require(TenantName(tenant)), name: try #require(AgentName("bot")))
        for recorded in try await platform.store.record([raised]) { platform.api.alerts.metrics.count(recorded) }
      }
      try await platform.test { caller in
        let lines = try await caller.lines()
        let labels = #"{rule="Shell spawned",priority="Warning"} 2"#
        #expect(lines.contains("lobstack_alerts_total\(labels)"))
        #expect(lines.contains("lobstack_verification_alerts_total\(labels)"))
      }
    }
  }

  @Test("tell when the audit log refuses, and of the last whole verification") func auditAndVerification() async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        let first = try await caller.lines()
        #expect(!first.contains { $0.hasPrefix("lobstack_verification_") })
        let summary = try APIJSON.decode(
          VerificationResource.Summary.self, from: #"{"proven":5,"failed":1,"notTestable":2,"waived":0}"#.utf8)
        try await platform.store.append(
          VerificationResource(
            id: UUID().uuidString, tier: "quick", startedAt: Date(timeIntervalSince1970: 1_700_000_000), durationMs: 1,
            version: "1", summary: summary, sha256: "",
            auditIndex: 0, report: "{}"))
        await platform.audit.refuse(
          with: Fault(.exhausted, operation: "append", reason: "the disk is full", remedy: "free space"))
        _ = try await caller.send(.post, "/v1/agents", body: document("new"))
        let lines = try await caller.lines()
        #expect(lines.contains("lobstack_audit_append_failures_total 1"))
        #expect(lines.contains(#"lobstack_component_ready{component="audit"} 0"#))
        #expect(lines.contains("lobstack_verification_timestamp_seconds 1700000000"))
        #expect(lines.contains(#"lobstack_verification_checks{verdict="failed"} 1"#))
        #expect(lines.contains(#"lobstack_verification_checks{verdict="notTestable"} 2"#))
        #expect(lines.contains { $0.hasPrefix("process_resident_memory_bytes ") && !$0.hasSuffix(" 0") })
        #expect(lines.contains { $0.hasPrefix("process_open_fds ") })
      }
    }
  }
}

@Suite("The id of a request") struct RequestScopeTests {
  @Test("is the gateway's, and nobody else's, in the answer and the audit record") func audit() async throws {
    let id = "5d2b8a4e-1c3f-4f6a-9a55-0123456789ab"
    try await Platform.with { platform in
      let token = try await platform.token(.operator, tenant: "acme")
      let header: HTTPFields = [.requestID: id]
      try await platform.test(as: .workload(.service(.gateway, in: .default))) { caller in
        let body = document("bot", tenant: "acme")
        let answer = try await caller.send(.post, "/v1/agents", token: token, body: body, headers: header)
        #expect(answer.status == .created && answer.headers[.requestID] == id)
        for bad in ["", "a b", String(repeating: "a", count: 65), "é"] {
          let other = try await caller.send(.get, "/v1/agents", token: token, headers: [.requestID: bad])
          #expect(other.headers[.requestID] != bad)
        }
      }
      #expect(await platform.audit.events.last { $0.action == "agent.create" }?.details["request"] == id)
      try await platform.test { caller in
        let answer = try await caller.send(.delete, "/v1/tenants/acme/agents/bot", headers: header)
        let own = try #require(answer.headers[.requestID])
        #expect(own != id)
        #expect(await platform.audit.events.last { $0.action == "agent.delete" }?.details["request"] == own)
      }
      // What no request caused has none.
      try await platform.reconcile()
      let destroyed = await platform.audit.events.last { $0.outcome == "destroyed" && $0.actor == "node" }
      #expect(destroyed != nil && destroyed?.details["request"] == nil)
    }
  }

  @Test("is in each log line of its task, and of those that work for it") func logs() async {
    #expect(RequestScope.metadata.get().isEmpty)
    await RequestScope.$id.withValue("one") {
      #expect(RequestScope.metadata.get() == ["request.id": "one"])
      async let below = RequestScope.metadata.get()
      #expect(await below == ["request.id": "one"])
    }
  }
}

extension Caller {
  /// Of a scrape.
  fileprivate func lines() async throws -> [String] {
    let answer = try await send(.get, "/metrics")
    #expect(answer.headers[.contentType] == "text/plain; version=0.0.4; charset=utf-8")
    return String(buffer: answer.body).split(separator: "\n").map(String.init)
  }
}
