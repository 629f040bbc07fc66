import APIModel
import AgentModel
import ClusterAgents
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging
import NIOCore
import Synchronization
import Testing

@testable import ControlPlane

/// What the API of a cluster is without a cluster; with one, in ClusterControlPlaneTests.
@Suite("The API of a cluster") struct ClusterAPITests {
  /// Runs `body` with the API of a cluster whose API server nobody reaches.
  private static func with(
    sessions: SealedSessions? = nil, _ body: @escaping @Sendable (Caller, ClusterAPI) async throws -> Void
  ) async throws {
    let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    let client = try KubernetesClient(
      KubernetesConfiguration(
        server: try ServerAddress("https://127.0.0.1:9", operation: "test"), origin: "the test"),
      fieldManager: "test", patience: .zero)
    let result: Result<Void, any Error>
    do {
      let api = ClusterAPI(
        client: client, values: Values(), audiences: ["lobstack"], sessions: sessions,
        audit: ClusterAudit(write: { _ in }, logger: logger), limits: APILimits(), logger: logger)
      try await Application(responder: api.responder(), logger: logger).test(.router) { client in
        try await body(Caller(client: client), api)
      }
      result = .success(())
    } catch { result = .failure(error) }
    try await client.shutdown()
    try result.get()
  }

  @Test("has every route that the API describes: it does it, or says what does") func everyRoute() async throws {
    let text = try Data(contentsOf: URL(filePath: Platform.policyDirectory).appending(path: "../api/openapi.json"))
    let paths = try #require(
      (JSONSerialization.jsonObject(with: text) as? [String: Any])?["paths"] as? [String: [String: Any]])
    let described = paths.flatMap { path, methods in
      methods.keys.filter { $0 != "parameters" }.map { "\($0.uppercased()) \(path)" }
    }
    #expect(described.count > 30)
    try await Self.with { _, api in
      let routes = Set(api.router().routes.map { "\($0.method) \($0.path)" })
      for route in described { #expect(routes.contains(route), "\(route)") }
    }
  }

  @Test("tells that the API server is away as what passes, and that a token is missing as what does not")
  func unreachable() async throws {
    try await Self.with { caller, _ in
      let away = try await caller.send(.get, "/v1/agents", token: "a.b.c")
      _ = try problem(away, .serviceUnavailable)
      #expect(away.headers[.retryAfter] == "2")
      for token in ["", "a b", "a;b", String(repeating: "a", count: 20_000)] {
        _ = try problem(try await caller.send(.get, "/v1/agents", token: token), .unauthorized)
      }
      _ = try problem(try await caller.send(.get, "/v1/agents"), .unauthorized)
      _ = try problem(try await caller.send(.get, "/readyz"), .serviceUnavailable)
      #expect(try await caller.send(.get, "/livez").status == .ok)
      let elsewhere = try problem(try await caller.send(.get, "/v1/trust-bundle"), .notImplemented)
      #expect(elsewhere.fault.code == .unsupported)
    }
  }

  @Test("lets nobody call an agent while it cannot ask about him", arguments: AgentCall.methods)
  func calls(method: HTTPRequest.Method) async throws {
    try await Self.with { caller, _ in
      let path = "/internal/authorize/agents/default/bot/v1"
      let away = try await caller.send(method, path, token: "a.b.c")
      #expect(away.status == .serviceUnavailable && away.headers[.agentGateway] == nil)
      let nobody = try await caller.send(method, path)
      #expect(nobody.status == .unauthorized && nobody.headers[.agentGateway] == nil)
    }
  }

  @Test("asks about many tenants at once, and about no more than it may") func questions() async throws {
    let namespaces = Dictionary(
      uniqueKeysWithValues: try (0..<40).map { (try #require(TenantName("t\($0)")), "agents-\($0)") })
    let asked = Mutex((now: 0, most: 0, all: 0))
    let seen = try await ClusterAccess.tenants(of: namespaces) { namespace in
      asked.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1), $0.all + 1) }
      // Until as many are asked as may be; of the last there are fewer.
      while asked.withLock({ $0.most < ClusterAccess.questionsAtOnce }) { await Task.yield() }
      asked.withLock { $0.now -= 1 }
      return namespace.hasSuffix("7")
    }
    #expect(Set(seen.map { "\($0)" }) == ["t7", "t17", "t27", "t37"])
    #expect(asked.withLock { $0.most == ClusterAccess.questionsAtOnce && $0.all == 40 })
    await #expect(throws: Fault.self) {
      try await ClusterAccess.tenants(of: namespaces) { _ in
        throw Fault(.unavailable, operation: "ask", reason: "away", remedy: "wait")
      }
    }
  }

  @Test("tells browsers what the gateway of one machine tells them") func headers() async throws {
    try await Self.with { caller, _ in
      let page = try await caller.send(.get, "/dashboard/index.html")
      #expect(page.status == .ok)
      let policy = try #require(HTTPField.Name("content-security-policy"))
      #expect(page.headers[policy]?.contains("script-src 'self'") == true)
      let answer = try await caller.send(.get, "/v1/agents")
      #expect(answer.headers[policy]?.hasPrefix("default-src 'none'") == true)
      #expect(answer.headers[.strictTransportSecurity] != nil && answer.headers[.requestID] != nil)
    }
  }

  @Test("tells what would allow a denial to those alone who may list the agents") func remedies() async throws {
    try await Self.with { _, api in
      let id = try #require(AgentID("default/bot"))
      api.cache.take(
        .changed(
          KubernetesObject(fields: [
            "apiVersion": "lobstack.dev/v1", "kind": "Agent", "spec": ["image": "docker://registry.example.org/a:1"],
            "metadata": ["name": "bot", "namespace": .string(try #require(api.access.namespaces[id.tenant]))],
          ])))
      let denial = DenialResource(
        time: Date(timeIntervalSince1970: 1), agent: id, rule: "proxy-tls", protocol: "tcp", source: "",
        destination: "",
        port: nil, host: "api.example.org", count: 1)
      var rows = [denial]
      api.addRemedies(to: &rows, ofTenants: [])
      #expect(rows == [denial])
      api.addRemedies(to: &rows, ofTenants: [id.tenant])
      #expect(rows.first?.remedy == "add to spec.egress: {host: api.example.org}")
    }
  }

  @Test("reads few logs and lists few secrets at once, and fewer of a caller") func readers() async throws {
    try await Self.with { _, api in
      func taken(_ slots: StreamSlots) -> [Int] {
        ["a", "b", "c"].map { name in
          let user = Principal(kind: .user(ClusterUser(name: name)), name: name)
          return (0..<20).count { _ in (try? slots.take(user, operation: "read")) != nil }
        }
      }
      #expect(taken(api.denialReaders) == [2, 2, 0] && taken(api.secretReaders) == [4, 4, 4])
    }
  }

  @Test("takes no cookie that it did not seal") func cookies() async throws {
    let sessions = try SealedSessions(secret: Array(repeating: 1, count: 32), source: "test")
    try await Self.with(sessions: sessions) { caller, _ in
      for cookie in ["", "x", String(repeating: "A", count: 64), "%00"] {
        let headers: HTTPFields = [.cookie: "__Host-lobstack-session=\(cookie)"]
        _ = try problem(try await caller.send(.get, "/v1/agents", headers: headers), .unauthorized)
      }
      let (session, cookie) = try sessions.begin(token: "a.b.c")
      // From another site, and without the page's own token: refused before anybody is asked whose it is.
      var headers: HTTPFields = [.cookie: "__Host-lobstack-session=\(cookie)"]
      let site = try #require(HTTPField.Name("sec-fetch-site"))
      headers[site] = "cross-site"
      _ = try problem(try await caller.send(.get, "/v1/agents", headers: headers), .unauthorized)
      headers[site] = "same-origin"
      _ = try problem(try await caller.send(.post, "/v1/agents", headers: headers), .unauthorized)
      headers[try #require(HTTPField.Name("x-csrf-token"))] = session.csrfToken
      // Now it is: and the API server does not answer.
      _ = try problem(try await caller.send(.post, "/v1/agents", headers: headers), .serviceUnavailable)
    }
  }
}

@Suite("A sealed session") struct SealedSessionTests {
  private let sessions = Result { try SealedSessions(secret: Array(repeating: 7, count: 32), source: "test") }

  @Test("is its token's, on every replica that has the key") func opens() throws {
    let (session, cookie) = try sessions.get().begin(token: "the.token")
    let again = try SealedSessions(secret: Array(repeating: 7, count: 32), source: "other")
    let opened = try #require(again.open(cookie))
    #expect(opened.token == "the.token" && opened.session.csrfToken == session.csrfToken)
    #expect(opened.session.id == session.id)
    #expect(cookie.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: ",") })
  }

  @Test("is none when a bit of it was changed, or with another key") func changed() throws {
    let (_, cookie) = try sessions.get().begin(token: "the.token")
    for place in [0, cookie.count / 2, cookie.count - 2] {
      var letters = Array(cookie)
      letters[place] = letters[place] == "A" ? "B" : "A"
      #expect(try sessions.get().open(String(letters)) == nil)
    }
    #expect(try SealedSessions(secret: Array(repeating: 8, count: 32), source: "test").open(cookie) == nil)
  }

  @Test("ends after twelve hours, and has not begun yet before") func ends() throws {
    let begun = Date(timeIntervalSince1970: 1_800_000_000)
    let (_, cookie) = try sessions.get().begin(token: "the.token", at: begun)
    #expect(try sessions.get().open(cookie, at: begun.addingTimeInterval(12 * 3600 - 1)) != nil)
    #expect(try sessions.get().open(cookie, at: begun.addingTimeInterval(12 * 3600)) == nil)
    #expect(try sessions.get().open(cookie, at: begun.addingTimeInterval(-3600)) == nil)
  }

  @Test("needs a key of 32 bytes, and a token that a cookie has room for") func bounds() throws {
    #expect(throws: Fault.self) { try SealedSessions(secret: Array(repeating: 1, count: 31), source: "test") }
    let token = String(repeating: "a", count: 2_800)
    #expect(try sessions.get().begin(token: token).cookie.utf8.count < 4_000)
    #expect(throws: Fault.self) { try sessions.get().begin(token: token + "a") }
  }
}

@Suite("The list of a cluster's agents") struct ClusterAgentCacheTests {
  private static func agent(_ name: String, in namespace: String = "agents", phase: String? = nil) -> KubernetesObject {
    var object = KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent", "spec": ["image": "docker://registry.example.com/\(name):1"],
    ])
    object.name = name
    object.namespace = namespace
    if let phase { object.fields["status"] = ["phase": .string(phase)] }
    return object
  }

  private static func cache(_ change: ObjectChange...) -> ClusterAgentCache {
    let cache = ClusterAgentCache(namespaces: [.default: "agents", TenantName("acme") ?? .default: "agents-acme"])
    for change in change { cache.take(change) }
    return cache
  }

  @Test("goes on after the last of the page before, though that is gone") func pages() {
    let cache = Self.cache(.replaced((0..<25).map { Self.agent("a\($0 + 10)") } + [Self.agent("b", in: "agents-acme")]))
    var seen: [String] = []
    var place: AgentID?
    repeat {
      let page = cache.agents(after: place, limit: 7) { _, _ in true }
      seen += page.map { "\($0.id)" }
      place = page.last?.id
      if let place { cache.take(.deleted(Self.agent("\(place.name)", in: "agents"))) }
    } while place != nil
    #expect(seen.count == 26 && seen == seen.sorted() && seen.first == "acme/b")
  }

  @Test("has what the watch told last, and of tenants alone") func changes() throws {
    let cache = Self.cache(
      .replaced([Self.agent("a"), Self.agent("x", in: "kube-system"), Self.agent("not.a.name")]),
      .changed(Self.agent("a", phase: "Running")), .changed(Self.agent("b")), .deleted(Self.agent("c")))
    let all = cache.agents { _, _ in true }
    #expect(all.map { "\($0.id)" } == ["default/a", "default/b"])
    #expect(all.first?.agent.phase == .running && all.last?.agent.phase == .pending)
    let first = try #require(all.first?.id)
    #expect(cache.agent(first)?.phase == .running)
    cache.take(.replaced([Self.agent("d")]))
    #expect(cache.agents { _, _ in true }.map { "\($0.id)" } == ["default/d"] && cache.agent(first) == nil)
  }

  @Test("is there once all were told, and tells why it may be old until the next word") func interrupted() {
    let cache = Self.cache()
    let fault = Fault(.unavailable, operation: "follow", reason: "away", remedy: "wait")
    cache.take(.interrupted(fault))
    #expect(!cache.isThere && cache.failure == fault)
    cache.take(.replaced([]))
    #expect(cache.isThere && cache.failure == nil)
    cache.take(.interrupted(fault))
    #expect(cache.isThere && cache.failure == fault)
    cache.take(.changed(Self.agent("a")))
    #expect(cache.failure == nil)
  }
}

@Suite("An Agent of a cluster, as the API shows it") struct ClusterAgentViewTests {
  private static func agent(_ status: JSON? = nil, spec: JSON = ["image": "docker://registry.example.com/bot:1"])
    -> AgentObject
  {
    var object = KubernetesObject(fields: ["apiVersion": "lobstack.dev/v1", "kind": "Agent", "spec": spec])
    object.fields["metadata"] = [
      "name": "bot", "namespace": "agents", "uid": "0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9", "generation": 3,
      "resourceVersion": "77", "creationTimestamp": "2026-01-31T12:00:00Z",
      "labels": ["team": "support", "lobstack.dev/own": "x"],
    ]
    object.fields["status"] = status
    return AgentObject(object: object)
  }

  private static func condition(_ type: String, _ status: String) -> JSON {
    ["type": .string(type), "status": .string(status), "reason": "R", "message": .string("message of \(type)")]
  }

  @Test("has a uid of this API's form, and no label of the platform's own") func form() throws {
    let shown = try #require(AgentResource(Self.agent(), tenant: .default, limits: [:]))
    #expect("\(shown.metadata.uid)" == "0a1b2c3d4e5f6071" && shown.metadata.labels == ["team": "support"])
    #expect(shown.metadata.generation == 3 && APIJSON.text(shown.metadata.createdAt) == "2026-01-31T12:00:00.000Z")
    #expect(shown.status.phase == .pending && shown.status.reason?.contains("generation 3") == true)
  }

  @Test("has the limits that the values file gives its tier") func limits() throws {
    let limits = UsageResource.Limits(cpus: 0.5, memoryBytes: 1 << 20)
    let shown = try #require(
      AgentResource(
        Self.agent(spec: ["image": "docker://registry.example.com/bot:1", "tier": "standard"]), tenant: .default,
        limits: [.standard: limits]))
    #expect(shown.status.limits == limits)
  }

  @Test("waits for the operator once somebody started what was stopped or contained", arguments: ["Stopped", "Killed"])
  func outdated(reason: String) throws {
    let status: JSON = [
      "phase": "Failed", "observedGeneration": 3,
      "conditions": [["type": "Ready", "status": "False", "reason": .string(reason)]],
    ]
    #expect(try #require(AgentResource(Self.agent(status), tenant: .default, limits: [:])).status.phase == .pending)
    var stopped = Self.agent(status).object
    var metadata = stopped["metadata"]?.object ?? [:]
    metadata["annotations"] = .object([AgentObject.stopAnnotation: "true"])
    stopped.fields["metadata"] = .object(metadata)
    #expect(
      try #require(AgentResource(AgentObject(object: stopped), tenant: .default, limits: [:])).status.phase == .failed)
  }

  @Test("is enforced in no layer by what the operator says of its objects", arguments: ["True", "False", "Unknown"])
  func layers(status: String) throws {
    let conditions: JSON = .array(["Accepted", "Secured", "Ready"].map { Self.condition($0, status) })
    let shown = try #require(
      AgentResource(
        Self.agent(["phase": "Running", "observedGeneration": 3, "conditions": conditions]), tenant: .default,
        limits: [:]))
    #expect(shown.status.layers.map(\.layer) == ["network", "identity", "sandbox"])
    #expect(shown.status.layers.allSatisfy { $0.state != .enforced && $0.evidence.contains("message of") })
    #expect(shown.status.layers[0].state == (status == "False" ? .failed : .unknown))
    // A program that ended is no layer that failed.
    #expect(shown.status.layers[2].state == .unknown)
  }

  @Test("is failed, with its reason, when no Agent of this version says what it says") func invalid() throws {
    let shown = try #require(
      AgentResource(
        Self.agent(["phase": "Running"], spec: ["image": "docker://registry.example.com/bot:1", "tier": "huge"]),
        tenant: .default, limits: [:]))
    #expect(shown.status.phase == .failed && shown.status.fault?.reason.contains("huge") == true)
    #expect(AgentResource(Self.agent(spec: ["tier": "huge"]), tenant: .default, limits: [:]) == nil)
  }
}

@Suite("What was found out lately") struct ShortCacheTests {
  @Test("is believed for its time, and no longer") func life() {
    let (cache, now) = (ShortCache<Int, String>(life: .seconds(5)), ContinuousClock.now)
    cache.set("a", of: 1, at: now)
    #expect(cache.value(of: 1, at: now + .seconds(4)) == "a" && cache.value(of: 2, at: now) == nil)
    #expect(cache.value(of: 1, at: now + .seconds(5)) == nil)
  }
}

@Suite("The audit line of a cluster's control plane") struct ClusterAuditTests {
  private static let event = AuditEvent(
    actor: "alice\nmallory", action: "agent.delete", target: "agent default/bot", outcome: "allowed")

  @Test("is one line, whatever the caller is called, and another when it failed") func lines() async throws {
    let written = Mutex<[UInt8]>([])
    let audit = ClusterAudit(
      write: { bytes in written.withLock { $0 += bytes } }, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() }
    )
    await #expect(throws: Fault.self) {
      try await audit.carryOut(Self.event) {
        throw Fault(.unavailable, operation: "o", reason: "away", remedy: "r")
      }
    }
    let lines = String(decoding: written.withLock { $0 }, as: UTF8.self).split(separator: "\n")
    #expect(lines.count == 2 && lines[0].contains(#""outcome":"allowed""#) && lines[0].contains(#"alice\nmallory"#))
    #expect(lines[1].contains(#""outcome":"failed""#) && lines[1].contains("away"))
  }

  @Test(
    "that the recorder does not take is 507 when its volume is full alone: else it may come again",
    arguments: [
      (Fault.Code.full, 507), (.throttled, 429), (.exhausted, 503), (.unavailable, 503), (.timedOut, 503),
    ]) func refused(code: Fault.Code, status: Int)
  {
    let fault = ClusterAudit.refusal(
      of: Self.event, because: Fault(code, operation: "o", reason: "no room", remedy: "wait"))
    let response = problemResponse(fault)
    #expect(response.status.code == status && fault.reason.hasPrefix("no room") && fault.remedy == "wait")
    #expect((response.headers[.retryAfter] == nil) == (status == 507))
  }

  @Test("has to be written, or nothing is done") func unwritable() async throws {
    let audit = ClusterAudit(
      write: { _ in throw CancellationError() }, logger: Logger(label: "t") { _ in SwiftLogNoOpLogHandler() })
    await #expect(throws: Fault.self) { try await audit.carryOut(Self.event) { Issue.record("it was done") } }
  }
}
