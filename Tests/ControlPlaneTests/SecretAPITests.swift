import APIModel
import AgentModel
import CertificateAuthority
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import NodeProtocol
import Storage
import Testing

@testable import ControlPlane

@Suite("Secrets of the API") struct SecretAPITests {
  private static let path = "/v1/tenants/acme/secrets/key"

  @Test("are set by version, listed without values, and gone when they are deleted") func life() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let first = try await caller.send(.put, Self.path, body: "one", headers: [.ifNoneMatch: "*"])
        #expect(first.status == .noContent && first.headers[.eTag] == "\"1\"")
        _ = try problem(
          try await caller.send(.put, Self.path, body: "two", headers: [.ifNoneMatch: "*"]), .preconditionFailed)
        let second = try await caller.send(.put, Self.path, body: "two", headers: [.ifMatch: "\"1\""])
        #expect(second.status == .noContent && second.headers[.eTag] == "\"2\"")
        _ = try problem(
          try await caller.send(.put, Self.path, body: "three", headers: [.ifMatch: "\"1\""]), .preconditionFailed)
        for wrong: HTTPFields in [
          [.ifMatch: "soon"], [.ifMatch: "\"+2\""], [.ifMatch: ""], [.ifNoneMatch: "\"1\""], [.ifNoneMatch: ""],
        ] {
          _ = try problem(try await caller.send(.put, Self.path, body: "x", headers: wrong), .badRequest)
        }
        let reference = SecretReference(
          tenant: try #require(TenantName("acme")), agent: nil, name: try #require(SecretName("key")))
        #expect(await platform.secrets.values[reference] == [SecretValue("one".utf8), SecretValue("two".utf8)])
        #expect(await platform.node.told == [reference, reference])
        let listed = try await caller.send(.get, "/v1/secrets")
        #expect(try decode(Page<SecretResource>.self, listed).items.map(\.version) == [2])
        #expect(!String(buffer: listed.body).contains("two"))
        #expect(try await caller.send(.delete, Self.path).status == .noContent)
        _ = try problem(try await caller.send(.delete, Self.path), .notFound)
        for event in await platform.audit.events { #expect(!"\(event)".contains("two")) }
      }
    }
  }

  @Test("have at most 64 KiB, and something") func bounds() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        _ = try problem(try await caller.send(.put, Self.path, body: ""), .badRequest)
        let longest = String(repeating: "x", count: 64 << 10)
        #expect(try await caller.send(.put, Self.path, body: longest).status == .noContent)
        _ = try problem(try await caller.send(.put, Self.path, body: longest + "x"), .badRequest)
        let large = try await caller.send(.put, Self.path, body: String(repeating: "x", count: 4 << 20))
        #expect(large.status == .contentTooLarge || large.status == .badRequest)
      }
      #expect(await platform.secrets.values.values.map(\.count) == [1])
    }
  }

  @Test("that nobody can reach start no agent, and stop none that runs") func sealed() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot", tenant: "acme")
        try await platform.reconcile()
        await platform.secrets.setDown(true)
        let refused = try problem(
          try await caller.send(.post, "/v1/agents", body: document("late")), .serviceUnavailable)
        #expect(refused.fault.reason.contains("sealed"))
        _ = try problem(try await caller.send(.put, Self.path, body: "x"), .serviceUnavailable)
        try await platform.reconcile()
        let seen = try decode(AgentResource.self, try await caller.send(.get, "/v1/tenants/acme/agents/bot"))
        #expect(seen.status.phase == .running)
        // It stops all the same, and is gone when its secrets can be destroyed.
        #expect(try await caller.send(.delete, "/v1/tenants/acme/agents/bot").status == .accepted)
        try await platform.reconciler.push()
        await #expect(throws: Fault.self) { try await platform.reconcile() }
        #expect(try await caller.send(.get, "/v1/tenants/acme/agents/bot").status == .ok)
        await platform.secrets.setDown(false)
        try await platform.reconcile()
        _ = try problem(try await caller.send(.get, "/v1/tenants/acme/agents/bot"), .notFound)
      }
    }
  }

  @Test("of an agent are read by a token for as long as it is to run, and go with it") func agent() async throws {
    try await Platform.with { platform in
      let (id, other) = (try #require(AgentID("acme/bot")), try #require(AgentID("acme/nobody")))
      try await platform.test { caller in
        #expect(try await caller.send(.put, "\(Self.path)?agent=bot", body: "own").status == .noContent)
        #expect(try await caller.send(.put, Self.path, body: "shared").status == .noContent)
        try await caller.create("bot", tenant: "acme")
        try await platform.reconcile()
        let access = platform.reconciler.agentAccess
        let agents = try await platform.store.desiredAgents().agents
        let (tokens, refusal) = await access.answer([id, other], agents: agents)
        #expect(tokens.map(\.agent) == [id] && refusal == nil)
        #expect(await platform.secrets.enabled == [id: true])
        await platform.secrets.setDown(true)
        let none = await access.answer([id], agents: agents)
        #expect(none.tokens.isEmpty && none.refusal?.reason.contains("sealed") == true)
        await platform.secrets.setDown(false)

        _ = try await caller.send(.post, "/v1/tenants/acme/agents/bot/stop")
        try await platform.reconcile()
        #expect(await platform.secrets.enabled == [id: false])
        let stopped = await access.answer([id], agents: try await platform.store.desiredAgents().agents)
        #expect(stopped.tokens.isEmpty)

        #expect(try await caller.send(.delete, "/v1/tenants/acme/agents/bot").status == .accepted)
        try await platform.reconcile()
        #expect(await platform.secrets.values.keys.map(\.description) == ["acme/*/key"])
        let events = await platform.audit.events.map { "\($0.action) \($0.target) \($0.outcome)" }
        #expect(events.contains("secret.delete secret acme/bot/key allowed"))
        #expect(events.contains("agent.shred agent acme/bot destroyed"))
      }
    }
  }

  @Test("are opened to many agents in the order of asking, and in vain to no more than eight")
  func several() async throws {
    try await Platform.with { platform in
      let ids: [AgentID] = try (0..<12).map { try #require(AgentID("acme/bot-\($0)")) }
      try await platform.test { caller in
        for id in ids { try await caller.create("\(id.name)", tenant: "acme") }
      }
      let access = platform.reconciler.agentAccess
      let agents = try await platform.store.desiredAgents().agents
      let (tokens, refusal) = await access.answer(ids, agents: agents)
      #expect(tokens.map(\.agent) == ids && refusal == nil)
      #expect(await platform.audit.count("identity.token", "allowed") == 12)
      await platform.secrets.setDown(true)
      let none = await access.answer(ids, agents: agents)
      #expect(none.tokens.isEmpty && none.refusal?.reason.contains("sealed") == true)
      let asked = await platform.secrets.asked.dropFirst(12)
      #expect(asked.count == 8 && Set(asked) == Set(ids.prefix(8)))
    }
  }
}
