import AgentModel
import ClusterAgents
import Foundation
import JSONValues
import KubernetesAPI
import Testing

@testable import Operator

@Suite("What is done about an Agent") struct ContainmentTests {
  private static let time = "2026-01-31T12:00:00Z"

  private func agent(
    generation: Int = 3, reason: String = "Killed", status: String = "True", observed: Int = 3,
    time: String = ContainmentTests.time, released: String? = nil
  ) -> KubernetesObject {
    var annotations: [String: JSON] = [:]
    annotations["lobstack.dev/released-at"] = released.map(JSON.string)
    return KubernetesObject(fields: [
      "apiVersion": "lobstack.dev/v1", "kind": "Agent",
      "metadata": [
        "name": "bot", "namespace": "n", "uid": "u", "generation": .int(generation),
        "annotations": .object(annotations),
      ],
      "status": [
        "phase": "Running",
        "conditions": [
          ["type": "Ready", "status": "True"],
          [
            "type": "Contained", "status": .string(status), "reason": .string(reason), "message": "why",
            "observedGeneration": .int(observed), "lastTransitionTime": .string(time),
          ],
        ],
      ],
    ])
  }

  @Test("is in force until the specification is another or somebody lets it go") func force() {
    #expect(Containment(of: agent()) == Containment(.killed, "why"))
    #expect(Containment(of: agent(reason: "Quarantined"))?.kind == .quarantined)
    // A word of another version.
    #expect(Containment(of: agent(reason: "Buried"))?.kind == .killed)
    #expect(Containment(of: agent(status: "False")) == nil && Containment(of: agent(generation: 4)) == nil)
    #expect(Containment(of: KubernetesObject(fields: [:])) == nil)
    #expect(!Containment.isOver(agent()) && Containment.isOver(agent(generation: 4)))
    #expect(!Containment.isOver(KubernetesObject(fields: [:])))
  }

  @Test(
    "is let go of by its own time, and by no other",
    arguments: [
      ("2026-01-31T12:00:00Z", true), ("2026-01-31T12:00:01Z", false), ("2026-01-31T11:59:59Z", false),
      ("9999-12-31T23:59:59Z", false), ("tomorrow", false), ("", false),
    ])
  func release(at time: String, isOver: Bool) {
    #expect((Containment(of: agent(released: time)) == nil) == isOver)
  }

  @Test("is let go of by its own time, and what comes after that is in force, whatever the clocks of who tells")
  func clocks() throws {
    let released = try #require(Containment.release(from: agent())["lobstack.dev/released-at"]?.string)
    #expect(released == Self.time && Containment(of: agent(released: released)) == nil)
    #expect(Containment.release(from: KubernetesObject(fields: [:])).isEmpty)
    // A clock that is an hour behind, the same second, and one that is ahead.
    for now in ["2026-01-31T11:00:00Z", Self.time, "2026-01-31T12:00:30Z"] {
      var agent = agent(released: released)
      agent.fields["status"] = try #require(
        Containment(.killed, "x").status(of: agent, now: try Date(now, strategy: .iso8601))?["status"])
      #expect(Containment(of: agent) == Containment(.killed, "x"), "\(now)")
    }
  }

  @Test(
    "has a time that none before it had, that is not let go of, and that the API takes",
    arguments: [
      // By a clock that is ahead, within the same second, and later.
      ("2026-01-31T12:00:00Z", "", "2026-01-31T12:00:01Z"), ("2026-01-31T11:00:00Z", "", "2026-01-31T11:00:01Z"),
      ("2026-01-31T10:59:59Z", "", "2026-01-31T11:00:00Z"), ("2026-01-31T09:00:00Z", "", "2026-01-31T11:00:00Z"),
      // One that somebody foresaw.
      ("2026-01-31T09:00:00Z", "2026-01-31T11:00:00Z", "2026-01-31T11:00:01Z"),
      ("2026-01-31T11:00:00Z", "2026-01-31T11:00:01Z", "2026-01-31T11:00:02Z"),
      // Nobody's time.
      ("2026-01-31T09:00:00Z", "9999-12-31T23:59:59Z", "2026-01-31T11:00:00Z"),
      ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "2026-01-31T11:00:00Z"),
    ])
  func time(before: String, released: String, expected: String) throws {
    // Less is in force, whose release may be on its way.
    let agent = agent(reason: "Quarantined", time: before, released: released)
    let now = try Date("2026-01-31T11:00:00Z", strategy: .iso8601) + 0.4
    let status = try #require(Containment(.killed, "x").status(of: agent, now: now))
    #expect(
      status["status", "conditions"]?.array?.first?["lastTransitionTime"]?.string == expected)
  }

  @Test("is said of the Agent as it was seen alone") func seen() {
    var object = agent(generation: 4)
    object.fields["metadata"] = .object(
      (object.fields["metadata"]?.object ?? [:]).merging(["resourceVersion": "7"]) { $1 })
    #expect(Containment(.killed, "x").status(of: object, now: .now)?.resourceVersion == "7")
  }

  @Test("says what a cluster does instead of a freeze") func words() {
    #expect(Containment(.kill, "by alice") == Containment(.killed, "killed by alice"))
    #expect(Containment(.freeze, "by alice").kind == .quarantined)
    #expect(Containment(.freeze, "by alice").message.contains("a cluster cannot pause a Pod"))
  }

  @Test("becomes no less by another alert") func stronger() {
    #expect(Containment(.quarantined, "x").status(of: agent(), now: .now) == nil)
    #expect(Containment(.killed, "x").status(of: agent(), now: .now) == nil)
    let more = Containment(.killed, "x").status(of: agent(reason: "Quarantined"), now: .now)
    #expect(more?["status", "conditions"]?.array?.first?["reason"]?.string == "Killed")
    #expect(more?["status"]?.object?.keys.sorted() == ["conditions"] && more?.uid == "u")
    #expect(Containment(.quarantined, "x").status(of: agent(generation: 4), now: .now) != nil)
  }

  @Test("is no reason for the operator to write its own conditions again") func own() {
    let status = AgentConditions.own(agent()["status"] ?? [:])
    #expect(status["conditions"]?.array?.count == 1 && status["phase"]?.string == "Running")
  }

  @Test("is the Agent's phase") func phase() {
    let gateway = GatewayStanding(isReady: true, reason: "Ready", message: "")
    let killed = AgentConditions.contained(Containment(.killed, "why"), gateway: gateway, generation: 1)
    #expect(killed.phase == .failed && killed.reason == "why")
    #expect(
      AgentConditions.contained(Containment(.quarantined, "why"), gateway: gateway, generation: 1).phase == .quarantined
    )
    #expect(killed.conditions.first { $0.kind == .ready }?.state == .no)
  }
}
