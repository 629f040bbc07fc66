import ClusterAgents
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing

@testable import Operator

/// Against a real API server: with `KUBE_APISERVER=path`, otherwise skipped. The controller of agent-sandbox is the test.
@Suite("Agents as Sandboxes", .enabled(if: KubernetesServer.isThere), .timeLimit(.minutes(2)))
struct SandboxOperatorTests {
  private static let type = OwnedType.sandboxes.resource

  @Test("are made when the values say so, are as ready as the Pod that is made of them, and leave none")
  func life() async throws {
    try await OperatorWorld.with { world in
      var values = world.values
      values.sandboxes = true
      try await world.operated(values: values) { _ in
        try await world.apply(world.agent("bot"))
        try await eventually("agent-sandbox is missed") {
          let condition = try await world.condition(.secured, of: "bot")
          return condition?["message"]?.string?.contains("agent-sandbox is absent") == true
        }
        #expect(try await world.pod("bot") == nil)
      }
      try await world.serve(.sandboxes)
      try await world.operated(["two"], values: values) { _ in
        func sandbox() async throws -> KubernetesObject? {
          try? await world.client.get(Self.type, "bot", namespace: OperatorWorld.namespace)
        }
        try await eventually("it is made") { try await sandbox() != nil }
        let first = try #require(try await sandbox())
        try await makePod(of: first, world)
        try await world.setPod("bot", ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]])
        try await world.setGatewayReady("bot")
        try await eventually("it is ready") {
          try await world.condition(.ready, of: "bot")?["status"]?.string == "True"
        }
        // The Pod is its Sandbox's, and no leftover; without the label by which policies find it, it has to go.
        #expect(try await world.pod("bot") != nil)
        try await world.client.patch(
          .merge(["metadata": ["labels": ["lobstack.dev/agent": "no"]]]), OwnedType.pods.resource, "bot",
          namespace: OperatorWorld.namespace)
        try await eventually("a Pod that no policy binds is taken away") { try await world.pod("bot") == nil }
        // Another specification: another Sandbox.
        try await world.apply(world.agent("bot", ["env": ["LEVEL": "debug"]]))
        try await eventually("another is made") {
          let now = try await sandbox()
          return now != nil && now?.uid != first.uid
        }
        try await makePod(of: try #require(try await sandbox()), world)
        try await world.client.delete(AgentObject.type, "bot", namespace: OperatorWorld.namespace)
        try await eventually("nothing is left") {
          try await world.releaseDeleted()
          let agents = try await world.client.list(AgentObject.type, namespace: OperatorWorld.namespace)
          return try await world.made().isEmpty && agents.objects.isEmpty
        }
        #expect(try await sandbox() == nil)
      }
    }
  }

  /// What its controller does: a Pod of its name, of its template.
  private func makePod(of sandbox: KubernetesObject, _ world: OperatorWorld) async throws {
    let template = try #require(sandbox["spec", "podTemplate"])
    var pod = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"] ?? [:], "spec": template["spec"] ?? [:],
    ])
    pod.name = sandbox.name
    pod.namespace = OperatorWorld.namespace
    pod.ownerReferences = [OwnerReference(controller: sandbox)]
    try await world.client.create(pod, of: OwnedType.pods.resource)
  }
}
