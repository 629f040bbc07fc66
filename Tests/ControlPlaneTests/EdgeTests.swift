import APIModel
import AgentModel
import Documents
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOCore
import NodeProtocol
import Storage
import Testing

@testable import ControlPlane

@Suite("The edge of the API") struct EdgeTests {
  @Test("answers every error as a problem, with the request's id") func problems() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let cases: [(HTTPRequest.Method, String, String?, HTTPResponse.Status)] = [
          (.get, "/nothing", nil, .notFound), (.get, "/v1/nothing", nil, .notFound), (.get, "/v1", nil, .notFound),
          (.patch, "/v1/agents", nil, .methodNotAllowed), (.put, "/v1/tokens/x", nil, .methodNotAllowed),
          (.get, "/v1/tenants/A/agents/x", nil, .badRequest), (.get, "/v1/tenants/a/agents/x.", nil, .badRequest),
          (.get, "/v1/tenants/a/agents/x", nil, .notFound), (.post, "/v1/agents", "{", .badRequest),
          (.post, "/v1/agents", "", .badRequest), (.post, "/v1/tokens", "[]", .badRequest),
          (.post, "/v1/agents", document("x", extra: "  response: shoot"), .badRequest),
          (.post, "/v1/agents", document("x", extra: "  egress: [{host: '*.com'}]"), .badRequest),
          (.get, "/v1/audit/proof", nil, .badRequest), (.get, "/v1/audit/proof?index=999", nil, .notFound),
          (.get, "/v1/audit?from=-1", nil, .badRequest),
        ]
        for (method, uri, body, status) in cases {
          let response = try await caller.send(method, uri, body: body)
          _ = try problem(response, status)
          #expect(response.headers[.requestID]?.isEmpty == false)
        }
        let wrongMethod = try await caller.send(.patch, "/v1/agents")
        #expect(wrongMethod.headers[.allow] == "GET, POST")
      }
    }
  }

  @Test("names the line and field of a bad document") func place() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let bad = try problem(
          try await caller.send(.post, "/v1/agents", body: document("x", extra: "  tier: huge")), .badRequest)
        #expect(bad.detail.contains("spec.tier") && bad.detail.contains(":6"), "\(bad.detail)")
      }
    }
  }

  @Test("refuses a body over 1 MiB, with and without Content-Length") func bodyLimit() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let long = String(repeating: "#", count: APIProtocol.longestBody + 1)
        let refused = try await caller.send(.post, "/v1/agents", body: long)
        _ = try problem(refused, .contentTooLarge)
        #expect(refused.headers[.connection] == "close")
        _ = try problem(
          try await caller.send(.post, "/v1/agents", body: long, headers: [.contentLength: "5"]), .contentTooLarge)
      }
    }
  }

  @Test("ends a request that takes too long") func slow() async throws {
    var limits = APILimits()
    limits.answer = .zero
    try await Platform.with(limits: limits) { platform in
      try await platform.test { caller in
        _ = try problem(try await caller.send(.get, "/v1/agents"), .gatewayTimeout)
      }
    }
  }

  @Test("maps every code of a fault to a status") func table() {
    let expected: [(Fault.Code, Int)] = [
      (.invalid, 400), (.unauthenticated, 401), (.denied, 403), (.notFound, 404), (.alreadyExists, 409),
      (.conflict, 409), (.unsupported, 422), (.exhausted, 503), (.unavailable, 503), (.timedOut, 504), (.failed, 500),
      (Fault.Code("from-the-future"), 500),
    ]
    for (code, number) in expected { #expect(status(of: code).code == number, "\(code)") }
  }

  @Test("is what openapi.json says, both ways") func openAPI() async throws {
    try await Platform.with { platform in
      let root = URL(filePath: Platform.policyDirectory).deletingLastPathComponent()
      let file = try Data(contentsOf: root.appending(path: "api/openapi.json"))
      #expect(file == Data(PackageResources.openapi_json))
      let document = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
      let paths = try #require(document["paths"] as? [String: [String: Any]])
      let methods: Set<String> = ["get", "put", "post", "delete", "patch", "head", "options"]
      let described = Set(
        paths.flatMap { path, item in item.keys.filter(methods.contains).map { "\($0.uppercased()) \(path)" } })
      // What begins with /internal/ is between the platform's own processes; the dashboard is a page.
      let registered = Set(
        platform.api.router().routes.map { "\($0.method) \($0.path)" }.filter {
          !$0.contains(" /internal/") && !$0.contains(" /dashboard")
        })
      #expect(described == registered, "\(described.symmetricDifference(registered))")
      let info = document["info"] as? [String: Any]
      #expect(info?["version"] as? String == LobstackVersion.current)
      try await platform.test(as: .remote) { caller in
        let served = try await caller.send(.get, "/openapi.json")
        #expect(Array(served.body.readableBytesView) == PackageResources.openapi_json)
      }
    }
  }

  @Test("pages the audit log, filtered by agent and action") func audit() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        for name in ["one", "two", "three"] { try await caller.create(name) }
        let all = try decode(Page<AuditRecordResource>.self, try await caller.send(.get, "/v1/audit?limit=2"))
        #expect(all.items.map(\.index) == [0, 1] && all.next == "2")
        let rest = try decode(Page<AuditRecordResource>.self, try await caller.send(.get, "/v1/audit?cursor=2"))
        // The first tells which policies are in force.
        #expect(rest.items.map(\.index) == [2, 3] && rest.next == nil)
        let two = try decode(
          Page<AuditRecordResource>.self,
          try await caller.send(.get, "/v1/audit?agent=default%2Ftwo&action=agent.create"))
        #expect(two.items.map(\.target) == ["agent default/two"])
        let proof = try decode(AuditProofResource.self, try await caller.send(.get, "/v1/audit/proof?index=1"))
        #expect(proof.record.index == 1)
      }
    }
  }

  @Test("shows denials newest first, to a tenant only its own") func denials() async throws {
    try await Platform.with { platform in
      let items = (0..<5).map { number in
        DenialResource(
          time: Date(timeIntervalSince1970: Double(number)), agent: AgentID(number % 2 == 0 ? "acme/a" : "zeta/z"),
          rule: "egress", protocol: "tcp", source: "10.64.0.2", destination: "10.0.0.1", port: UInt16(number), count: 1)
      }
      let report = String(decoding: try APIJSON.encode(DenialReport(items: items)), as: UTF8.self)
      try await platform.test(as: .unix(uid: 900)) { caller in
        #expect(try await caller.send(.post, "/v1/denials", body: report).status == .noContent)
        let many = DenialReport(items: Array(repeating: items[0], count: DenialReport.longest + 1))
        let body = String(decoding: try APIJSON.encode(many), as: UTF8.self)
        _ = try problem(try await caller.send(.post, "/v1/denials", body: body), .badRequest)
      }
      let viewer = try await platform.token(.viewer, tenant: "acme")
      try await platform.test { caller in
        let first = try decode(Page<DenialResource>.self, try await caller.send(.get, "/v1/denials?limit=3"))
        #expect(first.items.map(\.port) == [4, 3, 2])
        let next = try #require(first.next)
        let second = try decode(Page<DenialResource>.self, try await caller.send(.get, "/v1/denials?cursor=\(next)"))
        #expect(second.items.map(\.port) == [1, 0] && second.next == nil)
        let own = try decode(Page<DenialResource>.self, try await caller.send(.get, "/v1/denials", token: viewer))
        #expect(own.items.map(\.port) == [4, 2, 0])
      }
    }
  }

  @Test("refuses agents beyond what the node takes in one message") func room() async throws {
    try await Platform.with { platform in
      let value = String(repeating: "x", count: 120 << 10)
      try await platform.test { caller in
        var refused: Problem?
        for number in 0..<40 where refused == nil {
          let body = document("bot-\(number)", extra: "  env: {V: \(value)}")
          let answer = try await caller.send(.post, "/v1/agents", body: body)
          if answer.status != .created { refused = try problem(answer, .serviceUnavailable) }
          try await platform.reconcile()
        }
        #expect(refused?.fault.code == .exhausted)
        let count = try await platform.store.agents(limit: 100).count
        #expect((20..<40).contains(count), "\(count)")
      }
    }
  }

  @Test("gives the node blueprints with the policy and rising revisions") func push() async throws {
    try await Platform.with { platform in
      let before = await platform.node.desired.revision
      try await platform.test { try await $0.create("bot") }
      try await platform.reconcile()
      let desired = await platform.node.desired
      #expect(desired.revision > before)
      #expect(desired.agents.first?.pod.metadata.name == "bot")
      #expect(desired.agents.first?.networkPolicies.isEmpty == false)
    }
  }
}
