import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import GuestTrace
import JSONValues
import KubernetesAPI
import Logging
import Sentinel
import Synchronization
import TestSupport
import Testing

@testable import Operator

/// An attack in a real gVisor sandbox, seen by the sentinel and answered by a real API server and the operator: with
/// `KUBE_APISERVER=path`, as root and with runsc, otherwise skipped.
@Suite("An alert on a cluster", .enabled(if: ClusterNode.isThere), .serialized, .timeLimit(.minutes(4)))
struct ClusterResponseTests {
  @Test("names the Pod, and has an agent killed that is not made again until somebody lets it") func kill() async throws
  {
    try await ClusterNode.with { node in
      try await node.world.apply(node.world.agent("bot", ["response": "kill"]))
      try await node.start("bot", "sleep 1; cat /etc/shadow; sleep 1000")
      try await eventually("the Pod is deleted") { try await node.world.pod("bot")?.isBeingDeleted ?? true }
      let alert = try #require(node.lines.first { $0["priority"]?.string == "Critical" })
      let fields = alert["output_fields"]
      #expect(fields?["k8s.ns.name"]?.string == "lobstack-agents" && fields?["k8s.pod.name"]?.string == "bot")
      #expect(fields?["lobstack.agent"]?.string == "default/bot" && fields?["lobstack.response"]?.string == "kill")
      #expect(fields?["container.id"]?.string == node.container("bot"))
      #expect(alert["hostname"]?.string == ClusterNode.name)
      // As a kubelet does.
      try await node.end("bot")
      try await eventually("the response is done") {
        node.lines.contains { $0["output_fields"]?["lobstack.response_state"]?.string == "done" }
      }
      try await eventually("the Agent has failed") {
        try await node.status("bot")["phase"]?.string == "Failed"
      }
      let contained = try await node.condition("Contained", of: "bot")
      #expect(contained?["reason"]?.string == "Killed")
      #expect(try await node.world.condition(.ready, of: "bot")?["reason"]?.string == "Killed")
      #expect(try await node.world.pod("bot") == nil)
      #expect(try await node.events("bot").isSuperset(of: ["Killed", "Alert"]))
      try await node.release("bot")
      try await eventually("it runs anew") { try await node.world.pod("bot") != nil }
      #expect(try await node.condition("Contained", of: "bot")?["reason"]?.string == "Killed")
    }
  }

  @Test("has an agent cut off, which stays so, and runs anew when it is let go") func quarantine() async throws {
    try await ClusterNode.with { node in
      // A cluster cannot pause a Pod.
      try await node.world.apply(node.world.agent("bot", ["response": "freeze"]))
      try await node.start("bot", "sleep 1; cat /etc/shadow; sleep 1000")
      try await eventually("the Pod is quarantined") {
        try await node.world.pod("bot")?.labels[quarantineLabel] == "true"
      }
      try await eventually("the Agent is quarantined") {
        try await node.status("bot")["phase"]?.string == "Quarantined"
      }
      let pod = try #require(try await node.world.pod("bot"))
      #expect(!pod.isBeingDeleted)
      #expect(try await node.condition("Contained", of: "bot")?["message"]?.string?.contains("pause") == true)
      // Somebody opens it again.
      try await node.world.client.patch(
        .merge(["metadata": ["labels": [quarantineLabel: .null]]]), OwnedType.pods.resource, pod.name,
        namespace: OperatorWorld.namespace)
      try await eventually("the operator closes it") {
        try await node.world.pod("bot")?.labels[quarantineLabel] == "true"
      }
      try await node.release("bot")
      try await eventually("its Pod goes") { try await node.world.pod("bot")?.isBeingDeleted ?? true }
      try await node.end("bot")
      try await eventually("another comes") {
        let fresh = try await node.world.pod("bot")
        return fresh != nil && fresh?.uid != pod.uid && fresh?.labels[quarantineLabel] == nil
      }
    }
  }

  @Test("is that nobody watches a Pod, which another takes the place of") func unwatched() async throws {
    try await ClusterNode.with { node in
      try await node.world.apply(node.world.agent("bot"))
      // Its runsc was told nothing of a sentinel.
      try await node.start("bot", "sleep 1000", traced: false)
      let uid = try await node.world.pod("bot")?.uid
      try await eventually("the Pod is deleted") { try await node.world.pod("bot")?.isBeingDeleted ?? true }
      try await node.end("bot")
      try await eventually("another comes") {
        let fresh = try await node.world.pod("bot")
        return fresh != nil && fresh?.uid != uid
      }
      #expect(node.lines.contains { $0["rule"]?.string == "Sandbox not watched" })
      #expect(try await node.condition("Contained", of: "bot") == nil)
    }
  }

  @Test("is written and answered although the API server was away") func outage() async throws {
    try await ClusterNode.with { node in
      try await node.world.apply(node.world.agent("bot", ["response": "quarantine"]))
      try await node.start("bot", "while ! test -e /tmp/go; do sleep 1; done; cat /etc/shadow; sleep 1000")
      try await eventually("it is watched") { node.log.contains("A sandbox is watched") }
      await node.world.server.stopAPI()
      try await node.exec("bot", "touch /tmp/go")
      try await eventually("an alert") {
        node.lines.contains { $0["output_fields"]?["lobstack.response_state"]?.string == "pending" }
      }
      try await node.world.server.startAPI()
      try await eventually("the Pod is quarantined") {
        (try? await node.world.pod("bot"))??.labels[quarantineLabel] == "true"
      }
    }
  }
}
