import APIModel
import AgentModel
import Foundation
import Framing
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Logging
import NIOCore
import NodeProtocol
import Storage
import Testing

@testable import ControlPlane

@Suite("The access log") struct AccessLogTests {
  private static let agent = "/v1/tenants/acme/agents/bot"

  /// Each route that changes something, with what it leaves in the log; in an order in which each succeeds.
  private static let changes: [(HTTPRequest.Method, String, String?, action: String)] = [
    (.post, "/v1/agents", document("bot", tenant: "acme"), "agent.create"),
    (.put, agent, document("bot", tenant: "acme", extra: "  env: {A: b}"), "agent.update"),
    (.post, agent + "/stop", nil, "agent.stop"), (.post, agent + "/start", nil, "agent.start"),
    (.post, agent + "/exec", message(#"{"command":["fail","0"],"env":{}}"#), "agent.exec"),
    (.put, "/v1/tenants/acme/secrets/key", "value", "secret.set"),
    (.delete, "/v1/tenants/acme/secrets/key", nil, "secret.delete"),
    (.post, "/v1/tokens", #"{"name":"ci","role":"viewer"}"#, "token.create"),
    (.delete, "/v1/tokens/{id}", nil, "token.revoke"),
    (.post, "/v1/audit", #"{"action":"vault.restore","outcome":"failed","reason":"why"}"#, "vault.restore"),
    (.post, "/v1/audit/archives", #"{"records":1,"rootHash":"00","segment":"/archive/records-0-0"}"#, "audit.archive"),
    (.put, "/v1/verifications/{id}", nil, "verification.record"), (.post, "/v1/alerts", nil, "alert.raise"),
    (
      .post, "/v1/backups", #"{"id":"5f8a7d0e-6f5b-4b3c-9d55-0d3c8f1b2a10","stage":"begun","recipients":["age1x"]}"#,
      "backup.create"
    ),
    (.post, agent + "/respond", #"{"response":"freeze"}"#, "agent.respond"), (.delete, agent, nil, "agent.delete"),
  ]

  /// Routes that change nothing which the log is about.
  private static let others: Set<String> = [
    // What the network refused an agent: docs/reference/denials.md.
    "POST /v1/denials",
    // Only asks.
    "POST /v1/admission/review",
    // At the gateway alone: SessionTests looks for their records.
    "POST /v1/session", "DELETE /v1/session",
  ]

  @Test("has a record of every route that changes something, before it is done") func everyRoute() async throws {
    try await Platform.with { platform in
      let id = UUID().uuidString.lowercased()
      var token = ""
      for (method, path, body, action) in Self.changes {
        let before = await platform.audit.events.count
        let uri = path.replacing("{id}", with: path.contains("tokens") ? token : id)
        let text: String? =
          switch action {
          case "alert.raise": String(decoding: try APIJSON.encode(AlertReport(items: [Self.alert(id)])), as: UTF8.self)
          case "verification.record": Self.verification(id)
          default: body
          }
        try await platform.test(as: .unix(uid: action == "alert.raise" ? 900 : 0)) { caller in
          let response = try await caller.send(method, uri, body: text)
          #expect((200..<300).contains(response.status.code), "\(method) \(uri): \(String(buffer: response.body))")
        }
        if action == "token.create" { token = try #require(try await platform.store.tokens().first?.id) }
        let events = await platform.audit.events.dropFirst(before)
        #expect(events.first?.action == action, "\(method) \(uri)")
        try await platform.reconcile()
      }
      let covered = Set(Self.changes.map { "\($0.0) \($0.1)" })
      for route in platform.api.router().routes where ![.get, .head].contains(route.method) {
        let path = "\(route.path)".replacing("{tenant}", with: "acme").replacing("{name}", with: "bot")
          .replacing("{secret}", with: "key")
        // The gateway's question, which changes nothing either.
        if path.hasPrefix("/internal/") || Self.others.contains("\(route.method) \(path)") { continue }
        #expect(covered.contains("\(route.method) \(path)"), "\(route.method) \(path) has no record")
      }
    }
  }

  @Test("has each version of a secret that was read as an agent, once") func readings() async throws {
    try await Platform.with { platform in
      try await platform.test { try await $0.create("bot", tenant: "acme") }
      let tenant = try #require(TenantName("acme"))
      let own = SecretReference(tenant: tenant, agent: AgentName("bot"), name: try #require(SecretName("key")))
      let shared = SecretReference(tenant: tenant, agent: nil, name: try #require(SecretName("shared")))
      func read(_ readings: [SecretReading]) async throws -> [String] {
        await platform.node.hold(readings, for: AgentName("bot"))
        for _ in 0..<2 { try await platform.reconcile() }
        return await platform.audit.events.filter { $0.action == "secret.read" }
          .map { "\($0.actor) \($0.target) \($0.details["version"] ?? "")" }
      }
      let first = ["agent:acme/bot secret acme/bot/key 1", "agent:acme/bot secret acme/*/shared 4"]
      let held = [SecretReading(own, version: 1), SecretReading(shared, version: 4)]
      #expect(try await read(held) == first)
      #expect(try await read(held) == first)
      let newer = first + ["agent:acme/bot secret acme/bot/key 2"]
      #expect(try await read([SecretReading(own, version: 2), SecretReading(shared, version: 4)]) == newer)
      // It is stopped and started: it reads again.
      #expect(try await read([]) == newer)
      #expect(try await read(held).count == 5)
    }
  }

  @Test("has what the policy's files are, and that one was changed") func policyFiles() async throws {
    let directory = NSTemporaryDirectory() + "lobstack-policy-\(UUID().uuidString)"
    try FileManager.default.copyItem(atPath: Platform.policyDirectory, toPath: directory)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let audit = FakeAudit()
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let files = PolicyFiles(directory: directory, audit: AuditTrail(log: audit, logger: logger), logger: logger)
    let before = try await files.record(after: [:])
    #expect(Set(before.keys).isSuperset(of: ["falco", "gatekeeper", "network", "seccomp", "vault"]))
    #expect(try await files.record(after: before) == before)
    let rules = URL(filePath: "\(directory)/falco/agents_process.yaml")
    try (try Data(contentsOf: rules) + Data("\n".utf8)).write(to: rules)
    let after = try await files.record(after: before)
    #expect(after["falco"] != before["falco"] && after["network"] == before["network"])
    #expect(await audit.events.map(\.outcome) == ["present", "changed"])
    #expect(await audit.events.last?.details == after)
    try FileManager.default.removeItem(at: rules)
    #expect(try await files.record(after: after)["falco"] != after["falco"])
  }

  /// The first frame of an exec; short, so that its length is ASCII too.
  private static func message(_ json: String) -> String {
    var bytes = ByteBuffer()
    Frame(.message, ByteBuffer(string: json)).write(into: &bytes)
    return String(buffer: bytes)
  }

  private static func alert(_ id: String) -> AlertResource {
    AlertResource(
      id: id, time: .now, rule: "Shell spawned", priority: "Warning", source: "syscall", agent: nil,
      container: "test.0123456789abcdef", hostname: "host-1", output: "a shell", outputFields: [:], tags: [],
      response: "alert", responseState: .none)
  }

  private static func verification(_ id: String) -> String {
    """
    {"run":{"id":"\(id)","tier":"quick","startedAt":"2026-01-31T12:00:00Z","durationMs":1,"version":"1"},
    "summary":{"proven":1,"failed":0,"notTestable":0,"waived":0},"checks":[]}
    """
  }
}
