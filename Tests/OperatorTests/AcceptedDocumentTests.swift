import AgentModel
import ClusterAgents
import Foundation
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

@testable import Operator

/// Against a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite(
  "What was accepted of an Agent", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(2)))
struct AcceptedDocumentTests {
  private static let overlap: JSON = [["host": "*.example.com"], ["host": "api.example.com"]]

  private static func time(in seconds: TimeInterval) throws -> UTCTime {
    // As it is read back, without its fraction of a second.
    try #require(UTCTime(UTCTime(Date.now.addingTimeInterval(seconds)).description))
  }

  @Test("is in force while a later document is refused: drift is repaired, and hosts close, also after a restart")
  func force() async throws {
    try await OperatorWorld.with { world in
      let end = try Self.time(in: 9)
      try await world.operated { _ in
        try await world.apply(
          world.agent(
            "bot", ["egress": [["host": "a.example.com"], ["host": "b.example.com", "expires": .string("\(end)")]]]))
        try await eventually("two hosts are open") { try await world.openHosts("bot") == "2" }
        try await eventually("it is told") {
          try await world.condition(.accepted, of: "bot")?["status"]?.string == "True"
        }
        try await world.apply(world.agent("bot", ["egress": Self.overlap]))
        try await eventually("the document is refused") {
          try await world.condition(.accepted, of: "bot")?["reason"]?.string == "Invalid"
        }
        #expect(try await world.condition(.secured, of: "bot")?["status"]?.string == "True")
        let type = ResourceType(group: "networking.k8s.io", plural: "networkpolicies")
        try await world.client.delete(type, "bot-gateway", namespace: OperatorWorld.namespace)
        try await eventually("its policy is there again") {
          (try? await world.client.get(type, "bot-gateway", namespace: OperatorWorld.namespace)) != nil
        }
      }
      #expect(try await world.openHosts("bot") == "2")
      try await world.operated(["two"]) { _ in
        try await eventually("the host has closed") { try await world.openHosts("bot") == "1" }
        #expect(UTCTime(.now) >= end)
        #expect(try await world.condition(.accepted, of: "bot")?["reason"]?.string == "Invalid")
        #expect(try await world.pod("bot") != nil)
      }
    }
  }

  @Test("stops when its time is over and it cannot be carried out any more itself") func over() async throws {
    try await OperatorWorld.with { world in
      let end = try Self.time(in: 6)
      try await world.operated { _ in
        try await world.apply(
          world.agent("bot", ["egress": [["host": "b.example.com", "expires": .string("\(end)")]]]))
        try await eventually("it is made and told") {
          let status = try await world.client.get(AgentObject.type, "bot", namespace: OperatorWorld.namespace)["status"]
          return try await world.pod("bot") != nil && status?["accepted"]?.string != nil
        }
      }
      // By hand, as an operator of another version would find it.
      let refused = #"{"labels":{},"spec":{"image":"oci:/nowhere","egress":[{"host":"b","expires":"\#(end)"}]}}"#
      try await world.client.patch(
        .merge(["status": ["accepted": .string(refused)]]), AgentObject.type, "bot",
        namespace: OperatorWorld.namespace, subresource: "status")
      try await world.apply(world.agent("bot", ["egress": Self.overlap]))
      try await world.operated(["two"]) { _ in
        try await eventually("nothing of it runs") {
          let gateways = try await world.client.list(OwnedType.deployments.resource, namespace: OperatorWorld.namespace)
          return try await world.pod("bot") == nil && gateways.objects.allSatisfy(\.isBeingDeleted)
        }
        #expect(UTCTime(.now) >= end)
      }
    }
  }
}
