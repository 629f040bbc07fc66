import APIModel
import AgentModel
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import Storage
import Testing

@testable import ControlPlane

@Suite("Access to the API") struct AccessTests {
  private static let agent = "/v1/tenants/acme/agents/bot"
  private static let secret = "/v1/tenants/acme/secrets/key"

  /// What each caller gets: 2xx, or the status of the refusal.
  private static let matrix: [(HTTPRequest.Method, String, String?, [String: Int])] = [
    (.get, "/v1/status", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (.get, "/v1/agents", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (.get, agent, nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 404, "none": 401]),
    (.get, agent + "/usage", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 404, "none": 401]),
    (.get, agent + "/logs", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 404, "none": 401]),
    (
      .put, agent, document("bot", tenant: "acme"),
      ["admin": 200, "operator": 200, "viewer": 403, "other": 404, "none": 401]
    ),
    (.post, agent + "/start", nil, ["admin": 202, "operator": 202, "viewer": 403, "other": 404, "none": 401]),
    (.post, agent + "/stop", nil, ["admin": 202, "operator": 202, "viewer": 403, "other": 404, "none": 401]),
    (
      .post, agent + "/respond", #"{"response":"alert"}"#,
      ["admin": 400, "operator": 400, "viewer": 403, "other": 404, "none": 401]
    ),
    (.post, "/v1/session", nil, ["admin": 403, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/session", nil, ["admin": 404, "operator": 404, "viewer": 404, "none": 401]),
    (.delete, "/v1/session", nil, ["admin": 404, "operator": 404, "viewer": 404, "none": 401]),
    (.get, "/dashboard", nil, ["none": 200]), (.get, "/dashboard/none", nil, ["none": 404]),
    (.post, agent + "/exec", "", ["admin": 400, "operator": 400, "viewer": 403, "other": 404, "none": 401]),
    (
      .post, "/v1/agents", document("new", tenant: "acme"), ["operator": 201, "viewer": 403, "other": 403, "none": 401]
    ),
    (
      .post, "/v1/admission/review", #"{"apiVersion":"v1","kind":"Node"}"#,
      ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]
    ),
    (.get, "/v1/admission", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (.get, "/v1/denials", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (.post, "/v1/denials", #"{"items":[]}"#, ["admin": 403, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/alerts", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (
      .get, "/v1/alerts/stream?follow=false", nil,
      ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]
    ),
    (.post, "/v1/alerts", #"{"items":[]}"#, ["admin": 403, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/metrics", nil, ["admin": 200, "operator": 403, "viewer": 403, "other": 403, "none": 401]),
    (.get, "/v1/audit", nil, ["admin": 200, "operator": 403, "viewer": 403, "none": 401]),
    (
      .post, "/v1/audit", #"{"action":"vault.snapshot","outcome":"allowed"}"#,
      ["admin": 403, "operator": 403, "viewer": 403, "none": 401]
    ),
    (.post, "/v1/audit/archives", "{}", ["admin": 403, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/audit/checkpoint", nil, ["admin": 200, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/audit/proof?index=0", nil, ["admin": 200, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/tokens", nil, ["admin": 200, "operator": 403, "viewer": 403, "none": 401]),
    (
      .post, "/v1/tokens", #"{"name":"x","role":"viewer"}"#,
      ["admin": 201, "operator": 403, "viewer": 403, "none": 401]
    ),
    (.delete, "/v1/tokens/none", nil, ["admin": 404, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/verifications", nil, ["admin": 200, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/verifications/none", nil, ["admin": 404, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/reports/soc2", nil, ["admin": 200, "operator": 403, "viewer": 403, "none": 401]),
    (.post, "/v1/backups", "{}", ["admin": 403, "operator": 403, "viewer": 403, "none": 401]),
    (.put, "/v1/verifications/none", "{}", ["admin": 403, "operator": 403, "viewer": 403, "none": 401]),
    (.get, "/v1/identity", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (.get, "/v1/secrets", nil, ["admin": 200, "operator": 200, "viewer": 200, "other": 200, "none": 401]),
    (.put, secret, "value", ["admin": 204, "operator": 204, "viewer": 403, "other": 403, "none": 401]),
    (.delete, secret + "none", nil, ["admin": 404, "operator": 404, "viewer": 403, "other": 403, "none": 401]),
    (.delete, secret, nil, ["operator": 204, "viewer": 403, "other": 403, "none": 401]),
    (.get, "/v1/trust-bundle", nil, ["none": 503]), (.get, "/v1/crl", nil, ["none": 503]),
    (.get, "/internal/acme-challenge/aaaaaaaaaaaaaaaaaaaa", nil, ["none": 404]),
    (.delete, agent, nil, ["admin": 202, "operator": 202, "viewer": 403, "other": 404, "none": 401]),
    (.get, "/healthz", nil, ["none": 200]), (.get, "/livez", nil, ["none": 200]),
    (.get, "/readyz", nil, ["none": 200]), (.get, "/openapi.json", nil, ["none": 200]),
  ]

  @Test("follows roles and tenants, over every route") func roles() async throws {
    try await Platform.with { platform in
      try await platform.test { try await $0.create("bot", tenant: "acme") }
      try await platform.reconcile()
      let tokens = [
        "admin": try await platform.token(.admin), "operator": try await platform.token(.operator, tenant: "acme"),
        "viewer": try await platform.token(.viewer, tenant: "acme"),
        "other": try await platform.token(.operator, tenant: "zeta"),
      ]
      try await platform.test(as: .remote) { caller in
        for (method, uri, body, expected) in Self.matrix {
          for (who, status) in expected.sorted(by: { $0.key > $1.key }) {
            let response = try await caller.send(method, uri, token: tokens[who], body: body)
            #expect(response.status.code == status, "\(who): \(method) \(uri): \(String(buffer: response.body))")
            if status >= 400 { _ = try problem(response, response.status) }
          }
        }
      }
      // Every route stands in the matrix.
      let covered = Set(Self.matrix.map { "\($0.0) \($0.1.split(separator: "?")[0])" })
      for route in platform.api.router().routes {
        let path = "\(route.path)".replacing("{tenant}", with: "acme").replacing("{name}", with: "bot")
          .replacing("{id}", with: "none").replacing("{secret}", with: "key")
          .replacing("{file}", with: "none")
        // Only the gateway gets past those, by its certificate: the tests of mutual TLS ask them.
        if path.hasPrefix("/internal/") { continue }
        #expect(covered.contains("\(route.method) \(path)"), "\(route.method) \(path)")
      }
      let refusals = await platform.audit.events.filter { $0.outcome == "denied" }
      #expect(refusals.contains { $0.action == "access" && $0.details["reason"] == "tenant" })
      #expect(refusals.contains { $0.action == "access" && $0.details["reason"] == "role" })
      #expect(refusals.contains { $0.action == "authenticate" })
    }
  }

  @Test("answers for an agent of another tenant as for none") func tenantsAreInvisible() async throws {
    try await Platform.with { platform in
      try await platform.test { try await $0.create("bot", tenant: "acme") }
      let other = try await platform.token(.operator, tenant: "zeta")
      try await platform.test(as: .remote) { caller in
        let hidden = try await caller.send(.get, Self.agent, token: other)
        let absent = try await caller.send(.get, "/v1/tenants/acme/agents/nix", token: other)
        #expect(
          String(buffer: hidden.body).replacing("bot", with: "X")
            == String(buffer: absent.body).replacing("nix", with: "X"))
        for uri in ["/v1/agents", "/v1/agents?tenant=acme"] {
          let page = try decode(Page<AgentResource>.self, try await caller.send(.get, uri, token: other))
          #expect(page.items.isEmpty)
        }
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status", token: other))
        #expect(status.agents.isEmpty)
      }
    }
  }

  @Test("is given to root and the sentinel by the kernel's word alone") func peers() async throws {
    try await Platform.with { platform in
      try await platform.test(as: .unix(uid: 0)) { caller in
        #expect(try await caller.send(.get, "/v1/tokens").status == .ok)
        // A wrong token is an error, though root would need none.
        _ = try problem(try await caller.send(.get, "/v1/tokens", token: "lob_wrong"), .unauthorized)
      }
      try await platform.test(as: .unix(uid: 900)) { caller in
        for uri in ["/v1/denials", "/v1/alerts"] {
          #expect(try await caller.send(.post, uri, body: #"{"items":[]}"#).status == .noContent)
        }
        for uri in [
          "/v1/status", "/v1/agents", "/v1/denials", "/v1/alerts", "/v1/alerts/stream", "/metrics", "/v1/audit",
          "/v1/tokens",
        ] {
          _ = try problem(try await caller.send(.get, uri), .forbidden)
        }
        _ = try problem(try await caller.send(.post, "/v1/agents", body: document("x")), .forbidden)
      }
      try await platform.test(as: .unix(uid: 1000)) { caller in
        let refused = try await caller.send(.get, "/v1/status")
        _ = try problem(refused, .unauthorized)
        #expect(refused.headers[.wwwAuthenticate] == "Bearer")
      }
    }
  }

  @Test("ends when a token expires or is revoked; its secret is nowhere in the store") func tokens() async throws {
    try await Platform.with { platform in
      let expired = try await platform.token(.admin, expires: Date(timeIntervalSinceNow: -1))
      try await platform.test(as: .remote) { caller in
        _ = try problem(try await caller.send(.get, "/v1/status", token: expired), .unauthorized)
      }
      try await platform.test { caller in
        let answer = try await caller.send(
          .post, "/v1/tokens", body: #"{"name":"ci","role":"viewer","tenant":"acme","expiresInSeconds":60}"#)
        let created = try decode(CreatedToken.self, answer)
        #expect(created.secret.hasPrefix("lob_") && created.secret.utf8.count == 47)
        #expect(try await caller.send(.get, "/v1/agents", token: created.secret).status == .ok)
        let twice = try await caller.send(.post, "/v1/tokens", body: #"{"name":"ci","role":"admin"}"#)
        _ = try problem(twice, .conflict)
        let listed = try await caller.send(.get, "/v1/tokens")
        #expect(!String(buffer: listed.body).contains(created.secret))
        let token = try #require(try decode(Page<TokenResource>.self, listed).items.first { $0.name == "ci" })
        #expect(token.lastUsedAt != nil)
        #expect(try await caller.send(.delete, "/v1/tokens/\(token.id)").status == .noContent)
        _ = try problem(try await caller.send(.get, "/v1/agents", token: created.secret), .unauthorized)
        for event in await platform.audit.events { #expect(!"\(event)".contains(created.secret)) }
        for bad in [
          #"{"name":"A b","role":"viewer"}"#, #"{"name":"x","role":"king"}"#, #"{"name":"x"}"#, "[", "",
          #"{"name":"x","role":"admin","tenant":"acme"}"#, #"{"name":"x","role":"viewer","expiresInSeconds":0}"#,
        ] {
          _ = try problem(try await caller.send(.post, "/v1/tokens", body: bad), .badRequest)
        }
      }
    }
  }

  @Test("does not come back to a token when the clock is set back", arguments: [(nil, 1_000.0), (5_000.0, 5_000)])
  func clockSetBack(lastUse: Double?, known: Double) {
    func token(until end: Double?) -> TokenResource {
      TokenResource(
        id: "t", name: "ci", role: .viewer, tenant: nil, createdAt: Date(timeIntervalSince1970: 1_000),
        expiresAt: end.map { Date(timeIntervalSince1970: $0) },
        lastUsedAt: lastUse.map { Date(timeIntervalSince1970: $0) })
    }
    func objection(_ token: TokenResource, at time: Double) -> String? {
      Authenticator.objection(to: token, at: Date(timeIntervalSince1970: time))
    }
    #expect(objection(token(until: 9_000), at: 8_999) == nil)
    #expect(objection(token(until: 9_000), at: 9_000) == "the token expired")
    // Clocks are corrected by a little all the time.
    #expect(objection(token(until: 9_000), at: known - 299) == nil)
    #expect(objection(token(until: 9_000), at: known - 301)?.contains("clock") == true)
    // One without an end has nothing to win.
    #expect(objection(token(until: nil), at: 0) == nil)
  }

  @Test("is limited in rate, for each principal by itself") func rate() async throws {
    var limits = APILimits()
    limits.requestsPerSecond = 0.01
    limits.requestBurst = 3
    try await Platform.with(limits: limits) { platform in
      let one = try await platform.token(.viewer)
      let two = try await platform.token(.viewer)
      try await platform.test(as: .remote) { caller in
        for _ in 0..<3 { #expect(try await caller.send(.get, "/v1/agents", token: one).status == .ok) }
        let refused = try await caller.send(.get, "/v1/agents", token: one)
        #expect(try problem(refused, .tooManyRequests).fault.code == .exhausted)
        #expect((refused.headers[.retryAfter].flatMap { Int($0) } ?? 0) >= 1)
        #expect(try await caller.send(.get, "/v1/agents", token: two).status == .ok)
        // Guessing tokens is limited too.
        for _ in 0..<3 { #expect(try await caller.send(.get, "/v1/agents", token: "lob_x").status == .unauthorized) }
        #expect(try await caller.send(.get, "/v1/agents", token: "lob_x").status == .tooManyRequests)
      }
    }
  }

  @Test("fills a bucket again with time, up to its burst") func bucket() {
    let limiter = RateLimiter(rate: 2, burst: 3)
    let start = ContinuousClock.now
    for _ in 0..<3 { #expect(limiter.take("a", at: start) == nil) }
    #expect(limiter.take("a", at: start) == .milliseconds(500))
    #expect(limiter.take("a", at: start + .milliseconds(500)) == nil)
    #expect(limiter.take("a", at: start + .milliseconds(501)) != nil)
    for _ in 0..<3 { #expect(limiter.take("a", at: start + .seconds(60)) == nil) }
    #expect(limiter.take("a", at: start + .seconds(60)) != nil)
  }

  @Test("holds no value of an environment variable in its records") func noValues() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let body = document("bot", extra: "  env: {API_KEY: canary-value}")
        let created = try await caller.send(.post, "/v1/agents", body: body)
        #expect(created.status == .created)
      }
      let events = await platform.audit.events
      #expect(events.contains { $0.details["env"] == "API_KEY" })
      for event in events { #expect(!"\(event)".contains("canary-value")) }
    }
  }
}
