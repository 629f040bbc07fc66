import APIModel
import AgentModel
import Foundation
import HTTPTypes
import HummingbirdTesting
import NodeProtocol
import Storage
import Testing

@testable import ControlPlane

@Suite("An operator's response") struct ResponseTests {
  private static let agent = "/v1/tenants/default/agents/bot"

  @Test("reaches the agent's sandbox, in the caller's name, and is recorded before") func responds() async throws {
    try await Platform.with { platform in
      let token = try await platform.token(.operator)
      try await platform.test { try await $0.create("bot") }
      try await platform.reconcile()
      try await platform.test(as: .remote) { caller in
        let answer = try await caller.send(
          .post, Self.agent + "/respond", token: token, body: #"{"response":"quarantine"}"#)
        #expect(answer.status == .ok)
      }
      let order = try #require(await platform.node.orders.first)
      let id = try #require(AgentID("default/bot"))
      let stored = try #require(try await platform.store.agent(id))
      #expect(order.response == .quarantine && order.container == "test.\(stored.uid)")
      #expect(order.person?.hasPrefix("token:") == true)
      let events = await platform.audit.events
      let event = try #require(events.first { $0.action == "agent.respond" })
      #expect(event.outcome == "allowed" && event.details["response"] == "quarantine" && event.actor == order.person)
      try await platform.reconcile()
      #expect(platform.api.view.agent(stored.uid)?.phase == .quarantined)
    }
  }

  @Test("is refused for what does nothing, for nobody's agent, and for one that does not run") func refused()
    async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot")
        func respond(_ body: String) async throws -> HTTPResponse.Status {
          try await caller.send(.post, Self.agent + "/respond", body: body).status
        }
        #expect(try await respond(#"{"response":"kill"}"#) == .conflict)
        try await platform.reconcile()
        #expect(try await respond(#"{"response":"alert"}"#) == .badRequest)
        #expect(try await respond(#"{"response":"shoot"}"#) == .badRequest)
        #expect(try await respond("") == .badRequest)
        await platform.node.setDown(true)
        #expect(try await respond(#"{"response":"kill"}"#) == .serviceUnavailable)
      }
      #expect(await platform.node.orders.isEmpty)
      let outcomes = await platform.audit.events.filter { $0.action == "agent.respond" }.map(\.outcome)
      #expect(outcomes == ["allowed", "failed"])
    }
  }
}
