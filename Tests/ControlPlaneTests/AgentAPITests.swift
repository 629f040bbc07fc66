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

@Suite("The agents of the API") struct AgentAPITests {
  @Test("are created, run, are read with every layer, and go") func life() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let created = try await caller.send(.post, "/v1/agents", body: document("bot", tenant: "acme"))
        #expect(created.status == .created)
        #expect(created.headers[.location] == "/v1/tenants/acme/agents/bot")
        #expect(created.headers[.eTag] == "\"1\"")
        #expect(try decode(AgentResource.self, created).status.phase == .pending)

        try await platform.reconcile()
        let read = try decode(AgentResource.self, try await caller.send(.get, "/v1/tenants/acme/agents/bot"))
        #expect(read.status.phase == .running)
        #expect(read.status.layers.map(\.layer) == ["sandbox", "admission", "audit"])
        #expect(read.status.layers.allSatisfy { $0.state == .enforced }, "\(read.status.layers)")

        let stopped = try await caller.send(.post, "/v1/tenants/acme/agents/bot/stop")
        #expect(stopped.status == .accepted)
        try await platform.reconcile()
        #expect(try await phase("bot", "acme", caller) == .stopped)
        _ = try await caller.send(.post, "/v1/tenants/acme/agents/bot/start")
        try await platform.reconcile()
        #expect(try await phase("bot", "acme", caller) == .running)

        #expect(try await caller.send(.delete, "/v1/tenants/acme/agents/bot").status == .accepted)
        try await platform.reconcile()
        _ = try problem(try await caller.send(.get, "/v1/tenants/acme/agents/bot"), .notFound)
        let actions = await platform.audit.events.filter { $0.target == "agent acme/bot" }.map {
          "\($0.action) \($0.outcome)"
        }
        #expect(
          actions == [
            "agent.create allowed", "agent.phase Running", "agent.stop allowed", "agent.phase Stopped",
            "agent.start allowed", "agent.phase Running", "agent.delete allowed", "agent.delete destroyed",
            "agent.shred destroyed",
          ])
      }
    }
  }

  @Test("are found by phase and by a part of what names them, in pages, each tenant's for itself") func search()
    async throws
  {
    try await Platform.with { platform in
      await platform.node.fail(
        try #require(AgentName("bad-1")), with: Fault(.failed, operation: "start", reason: "no", remedy: "look"))
      try await platform.test { caller in
        for name in ["bad-1", "bot-1", "bot-2", "cat"] { try await caller.create(name) }
        try await caller.create("bot-9", tenant: "zeta")
        try await platform.reconcile()
        try await caller.create("bot-new")
        func names(_ query: String) async throws -> [String] {
          var (names, cursor): ([String], String?) = ([], nil)
          repeat {
            let uri = "/v1/agents?limit=1&\(query)" + (cursor.map { "&cursor=\($0)" } ?? "")
            let page = try decode(Page<AgentResource>.self, try await caller.send(.get, uri))
            names += page.items.map(\.id.description)
            cursor = page.next
          } while cursor != nil
          return names
        }
        #expect(try await names("phase=Failed") == ["default/bad-1"])
        #expect(try await names("phase=Pending") == ["default/bot-new"])
        #expect(try await names("phase=Running&search=BOT") == ["default/bot-1", "default/bot-2", "zeta/bot-9"])
        #expect(try await names("phase=Running&search=bot&tenant=zeta") == ["zeta/bot-9"])
        #expect(try await names("search=default/bot") == ["default/bot-1", "default/bot-2", "default/bot-new"])
        #expect(try await names("phase=Stopped").isEmpty)
        for query in ["phase=running", "phase=x", "phase=", "search=", "search=" + String(repeating: "a", count: 257)] {
          _ = try problem(try await caller.send(.get, "/v1/agents?\(query)"), .badRequest)
        }
      }
      let zeta = try await platform.token(.viewer, tenant: "zeta")
      try await platform.test(as: .remote) { caller in
        let found = try await caller.send(.get, "/v1/agents?search=bot&phase=Running", token: zeta)
        #expect(try decode(Page<AgentResource>.self, found).items.map(\.id.description) == ["zeta/bot-9"])
      }
    }
  }

  private func phase(_ name: String, _ tenant: String, _ caller: Caller) async throws -> AgentPhase {
    try decode(AgentResource.self, try await caller.send(.get, "/v1/tenants/\(tenant)/agents/\(name)")).status.phase
  }

  @Test("tell why they failed, and the audit log tells it too") func failure() async throws {
    try await Platform.with { platform in
      let name = try #require(AgentName("bad"))
      await platform.node.fail(
        name, with: Fault(.failed, operation: "unpack the image", reason: "no manifest", remedy: "name another"))
      try await platform.test { caller in
        try await caller.create("bad")
        try await platform.reconcile()
        let read = try decode(AgentResource.self, try await caller.send(.get, "/v1/tenants/default/agents/bad"))
        #expect(read.status.phase == .failed)
        #expect(read.status.reason?.contains("no manifest") == true)
        let record = await platform.audit.events.last
        #expect(record?.outcome == "Failed")
        #expect(record?.details["reason"]?.contains("no manifest") == true)
        // The same phase again is not news.
        try await platform.reconcile()
        #expect(await platform.audit.count("agent.phase", "Failed") == 1)
      }
    }
  }

  @Test("have one winner when two of a name are created at once") func race() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let statuses = try await withThrowingTaskGroup(of: HTTPResponse.Status.self) { group in
          for number in 0..<8 {
            group.addTask {
              try await caller.send(.post, "/v1/agents", body: document("same", extra: "  env: {N: \"\(number)\"}"))
                .status
            }
          }
          return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == .created }.count == 1)
        #expect(statuses.filter { $0 == .conflict }.count == 7)
        #expect(try await platform.store.agents(limit: 10).count == 1)
      }
    }
  }

  @Test("are made once for one idempotency key") func idempotency() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let key: HTTPFields = [.idempotencyKey: "one"]
        let first = try await caller.send(.post, "/v1/agents", body: document("bot"), headers: key)
        let again = try await caller.send(.post, "/v1/agents", body: document("bot"), headers: key)
        #expect(again.status == .created)
        #expect(
          try decode(AgentResource.self, first).metadata.uid == decode(AgentResource.self, again).metadata.uid)
        let other = try problem(
          try await caller.send(.post, "/v1/agents", body: document("other"), headers: key), .conflict)
        #expect(other.detail.contains("idempotency key"))
        #expect(await platform.audit.count("agent.create", "allowed") == 1)
      }
    }
  }

  @Test("are replaced only by who knows their generation") func etag() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let path = "/v1/tenants/default/agents/bot"
        _ = try problem(
          try await caller.send(.put, path, body: document("bot"), headers: [.ifMatch: "\"1\""]), .preconditionFailed)
        #expect(try await caller.send(.put, path, body: document("bot")).status == .created)
        let same = try await caller.send(.put, path, body: document("bot"))
        #expect(same.status == .ok && same.headers[.eTag] == "\"1\"")
        let changed = document("bot", extra: "  tier: standard")
        let second = try await caller.send(.put, path, body: changed, headers: [.ifMatch: "\"1\""])
        #expect(second.headers[.eTag] == "\"2\"")
        _ = try problem(
          try await caller.send(.put, path, body: document("bot"), headers: [.ifMatch: "\"1\""]), .preconditionFailed)
        _ = try problem(
          try await caller.send(.delete, path, headers: [.ifMatch: "\"1\""]), .preconditionFailed)
        _ = try problem(
          try await caller.send(.put, path, body: document("bot"), headers: [.ifNoneMatch: "*"]), .preconditionFailed)
        _ = try problem(try await caller.send(.put, path, body: document("other")), .badRequest)
        _ = try problem(
          try await caller.send(.put, path, body: changed, headers: [.ifMatch: "one"]), .badRequest)
        _ = try problem(
          try await caller.send(.put, path, body: changed, headers: [.ifNoneMatch: "\"2\""]), .badRequest)
      }
    }
  }

  @Test("are listed in pages that hold each of them once") func paging() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        for number in 0..<7 { try await caller.create("bot-\(number)", tenant: number % 2 == 0 ? "acme" : "zeta") }
        var names: [String] = []
        var uri = "/v1/agents?limit=3"
        for _ in 0..<4 {
          let page = try decode(Page<AgentResource>.self, try await caller.send(.get, uri))
          #expect(page.items.count <= 3)
          names += page.items.map { $0.id.description }
          guard let next = page.next else { break }
          uri = "/v1/agents?limit=3&cursor=\(next.replacingOccurrences(of: "/", with: "%2F"))"
        }
        #expect(names.count == 7 && Set(names).count == 7)
        #expect(names == names.sorted())
        let acme = try decode(Page<AgentResource>.self, try await caller.send(.get, "/v1/agents?tenant=acme"))
        #expect(acme.items.count == 4)
        for bad in ["limit=0", "limit=501", "limit=x", "limit=%2B3", "limit=", "cursor=x", "tenant=A", "tenant="] {
          _ = try problem(try await caller.send(.get, "/v1/agents?\(bad)"), .badRequest)
        }
      }
    }
  }

  @Test("are refused, with nothing stored, when their audit record cannot be written") func auditRefuses() async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("old")
        let full = Fault(.exhausted, operation: "append", reason: "disk full", remedy: "free space")
        await platform.audit.refuse(with: full)
        let refused = try problem(
          try await caller.send(.post, "/v1/agents", body: document("new")), .serviceUnavailable)
        #expect(refused.fault.code == .exhausted)
        for (method, path) in [
          (HTTPRequest.Method.delete, ""), (.post, "/stop"), (.put, ""),
        ] {
          let body = method == .put ? document("old", extra: "  tier: standard") : nil
          _ = try problem(
            try await caller.send(method, "/v1/tenants/default/agents/old\(path)", body: body), .serviceUnavailable)
        }
        let token = #"{"name":"ci","role":"viewer"}"#
        _ = try problem(try await caller.send(.post, "/v1/tokens", body: token), .serviceUnavailable)
        #expect(try await platform.store.tokens().isEmpty)
        let stored = try await platform.store.agents(limit: 10)
        #expect(stored.map(\.id.name.description) == ["old"] && stored[0].generation == 1 && stored[0].wish == .run)
        _ = try problem(try await caller.send(.get, "/readyz"), .serviceUnavailable)
        // Nobody has to restart anything when the disk has room again.
        await platform.audit.refuse(with: nil)
        try await platform.reconcile()
        #expect(try await caller.send(.get, "/readyz").status == .ok)
      }
    }
  }

  @Test("are refused while the node is unreachable, and those that run say so") func nodeDown() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("old")
        try await platform.reconcile()
        await platform.node.setDown(true)
        await #expect(throws: Fault.self) { try await platform.reconcile() }
        let refused = try problem(
          try await caller.send(.post, "/v1/agents", body: document("new")), .serviceUnavailable)
        #expect(refused.detail.contains("node is unreachable"))
        let old = try decode(AgentResource.self, try await caller.send(.get, "/v1/tenants/default/agents/old"))
        #expect(old.status.phase == .running)
        #expect(old.status.reason?.hasPrefix("node unreachable: ") == true)
        #expect(old.status.layers.first { $0.layer == "sandbox" }?.state == .unknown)
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status"))
        #expect(status.components.first { $0.name == "node" }?.state == "down")
      }
    }
  }

  @Test("never get a 500 from a document, whatever its bytes") func fuzz() async throws {
    var limits = APILimits()
    limits.requestsPerSecond = 1_000_000
    limits.requestBurst = 1_000_000
    try await Platform.with(limits: limits) { platform in
      try await platform.test { caller in
        var generator = SystemRandomNumberGenerator()
        let valid = Array(document("fuzz").utf8)
        for round in 0..<400 {
          var bytes: [UInt8]
          if round % 2 == 0 {
            bytes = (0..<Int.random(in: 0..<200)).map { _ in UInt8.random(in: .min ... .max) }
          } else {
            bytes = valid
            for _ in 0..<Int.random(in: 1..<6) {
              bytes[Int.random(in: 0..<bytes.count)] = UInt8.random(in: .min ... .max, using: &generator)
            }
          }
          let response = try await caller.client.execute(
            uri: "/v1/agents", method: .post, body: ByteBuffer(bytes: bytes))
          #expect(response.status.code < 500, "\(response.status) for \(bytes): \(String(buffer: response.body))")
          if response.status.code >= 400 { #expect(response.headers[.contentType] == APIProtocol.problemMediaType) }
        }
      }
    }
  }
}
