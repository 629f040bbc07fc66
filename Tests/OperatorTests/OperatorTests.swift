import AgentModel
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import TestSupport
import Testing

@testable import Operator

/// Against a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite("The operator of a cluster", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(3)))
struct OperatorTests {
  @Test("makes all of an Agent within two seconds, its Pod last, and leaves nothing of a deleted one")
  func life() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        // The operator leads and knows everything.
        try await world.apply(world.agent("first"))
        try await eventually("the first is made") { try await world.pod("first") != nil }

        let start = ContinuousClock.now
        try await world.apply(world.agent("bot", ["ports": ["http": 8080]]))
        try await eventually("the Pod is there") { try await world.pod("bot") != nil }
        #expect(start.duration(to: .now) < .seconds(2))
        let made = try await world.made().filter { $0.contains("bot") }
        for kind in ["ServiceAccount", "PersistentVolumeClaim", "NetworkPolicy", "Pod"] {
          #expect(made.contains { $0.hasPrefix("\(kind)/") }, "\(made)")
        }
        try await eventually("it is secured") {
          try await world.condition(.secured, of: "bot")?["status"]?.string == "True"
        }
        try await world.setPod(
          "bot", ["phase": "Running", "conditions": [["type": "Ready", "status": "True"]]])
        try await eventually("it is ready") {
          try await world.condition(.ready, of: "bot")?["status"]?.string == "True"
        }
        // Of its owner, so that nothing outlives it even without the operator.
        let owner = try await world.pod("bot")?.ownerReferences.first
        #expect(owner?.kind == "Agent" && owner?.name == "bot" && owner?.controller == true)

        for name in ["bot", "first"] {
          try await world.client.delete(AgentObject.type, name, namespace: OperatorWorld.namespace)
        }
        try await eventually("nothing is left") {
          try await world.releaseDeleted()
          let agents = try await world.client.list(AgentObject.type, namespace: OperatorWorld.namespace)
          return try await world.made().isEmpty && agents.objects.isEmpty
        }
      }
    }
  }

  @Test("ends the Pod of an Agent that is stopped, keeps what secures it, and makes it anew at its start")
  func stopped() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        try await world.apply(world.agent("bot"))
        try await eventually("it is made") { try await world.pod("bot") != nil }
        func annotate(_ value: JSON) async throws {
          try await world.client.patch(
            .merge(["metadata": ["annotations": .object([AgentObject.stopAnnotation: value])]]), AgentObject.type,
            "bot",
            namespace: OperatorWorld.namespace)
        }
        try await annotate("true")
        try await eventually("its Pod is gone, and the status says so") {
          let agent = try await world.client.get(AgentObject.type, "bot", namespace: OperatorWorld.namespace)
          return try await world.pod("bot") == nil && agent["status", "phase"]?.string == "Stopped"
        }
        #expect(try await world.made().contains { $0.hasPrefix("NetworkPolicy/bot") })
        #expect(try await world.condition(.secured, of: "bot")?["status"]?.string == "True")
        #expect(try await world.condition(.ready, of: "bot")?["reason"]?.string == "Stopped")
        try await annotate(.null)
        try await eventually("it is made again") { try await world.pod("bot") != nil }
      }
    }
  }

  @Test("mends what others changed or deleted, and makes a Pod anew whose Agent changed") func drift() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        try await world.apply(world.agent("bot"))
        try await eventually("it is made") { try await world.pod("bot") != nil }
        let policies = try await world.client.list(
          ResourceType(group: "networking.k8s.io", plural: "networkpolicies"), namespace: OperatorWorld.namespace,
          Selection(labels: "\(Expander.managedBy)=\(Expander.manager)"))
        let policy = try #require(policies.objects.first)
        let type = ResourceType(group: "networking.k8s.io", plural: "networkpolicies")

        // Opened by somebody: closed again.
        try await world.client.patch(
          .merge(["spec": ["ingress": [[:]], "policyTypes": ["Ingress"]]]), type, policy.name,
          namespace: OperatorWorld.namespace)
        try await eventually("the policy is as before") {
          let now = try await world.client.get(type, policy.name, namespace: OperatorWorld.namespace)
          return now["spec"] == policy["spec"]
        }
        // Deleted: made again.
        try await world.client.delete(type, policy.name, namespace: OperatorWorld.namespace)
        try await eventually("the policy is there again") {
          let now = try? await world.client.get(type, policy.name, namespace: OperatorWorld.namespace)
          return now.map { $0.uid != policy.uid } ?? false
        }
        // Opened by something that nobody said before, and its owner taken away with it.
        let again = try await world.client.get(type, policy.name, namespace: OperatorWorld.namespace)
        try await world.client.patch(
          .merge([
            "metadata": ["ownerReferences": []], "spec": ["egress": [[:]], "policyTypes": ["Ingress", "Egress"]],
          ]),
          type, policy.name, namespace: OperatorWorld.namespace)
        try await eventually("the policy is as before, and its Agent's") {
          let now = try await world.client.get(type, policy.name, namespace: OperatorWorld.namespace)
          return now["spec"] == again["spec"] && now.ownerReferences == again.ownerReferences
        }
        // The label by which policies find the Pod.
        try await world.client.patch(
          .merge(["metadata": ["labels": ["lobstack.dev/agent": "no"]]]), OwnedType.pods.resource,
          try #require(try await world.pod("bot")).name, namespace: OperatorWorld.namespace)
        try await eventually("the Pod's label is back") {
          try await world.pod("bot")?.labels["lobstack.dev/agent"] == "true"
        }
        let before = try #require(try await world.pod("bot"))
        try await world.apply(world.agent("bot", ["env": ["LEVEL": "debug"]]))
        try await eventually("another Pod is there") {
          let now = try await world.pod("bot")
          return now != nil && now?.uid != before.uid
        }
        let env = try await world.pod("bot")?["spec", "containers"]?.array?.first?["env"]?.array ?? []
        #expect(env.contains { $0["name"]?.string == "LEVEL" })
      }
    }
  }

  @Test("tells in an Agent's conditions why it does not run") func conditions() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        // Overlapping hosts are beyond what the schema can say.
        try await world.apply(
          world.agent("overlap", ["egress": [["host": "*.example.com"], ["host": "api.example.com"]]]))
        try await eventually("it is refused") {
          try await world.condition(.accepted, of: "overlap")?["reason"]?.string == "Invalid"
        }
        let message = try await world.condition(.accepted, of: "overlap")?["message"]?.string ?? ""
        #expect(message.contains("overlaps") && message.contains("spec.egress"), "\(message)")
        #expect(try await world.pod("overlap") == nil)

        // Over the quota of its tenant.
        let quota = ResourceType(plural: "resourcequotas")
        // The status is a controller's to write, which is not here; admission goes by it.
        try await world.client.patch(
          .merge(["status": ["hard": ["limits.cpu": "1500m"], "used": ["limits.cpu": "0"]]]), quota, "agents",
          namespace: OperatorWorld.namespace, subresource: "status")
        try await world.apply(world.agent("large", ["tier": "performance"]))
        try await eventually("the quota is told") {
          try await world.condition(.ready, of: "large")?["reason"]?.string == "QuotaExceeded"
        }
        #expect(try await world.pod("large") == nil)
        let events = try await world.client.list(
          ResourceType(group: "events.k8s.io", plural: "events"), namespace: OperatorWorld.namespace)
        #expect(events.objects.contains { $0["note"]?.string?.contains("exceeded quota") == true })
      }
      // A mesh that the values count on and that is not there.
      var full = world.values
      full.profile = .full
      try await world.operated(["two"], values: full) { _ in
        try await world.apply(world.agent("meshless"))
        try await eventually("the mesh is missed") {
          try await world.condition(.secured, of: "meshless")?["reason"]?.string == "TypeMissing"
        }
        let message = try await world.condition(.secured, of: "meshless")?["message"]?.string ?? ""
        #expect(message.contains("Istio is absent") && message.contains("profile: lean"), "\(message)")
        #expect(try await world.pod("meshless") == nil)
      }
    }
  }

  @Test("makes a Pod again that ended for good, and not at once when it ends again") func ended() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        try await world.apply(world.agent("bot"))
        try await eventually("it is made") { try await world.pod("bot") != nil }
        let first = try #require(try await world.pod("bot"))
        try await world.setPod("bot", ["phase": "Failed", "reason": "Evicted"])
        try await eventually("it is taken away") { try await world.pod("bot") == nil }
        let taken = ContinuousClock.now
        try await eventually("another is there") { try await world.pod("bot") != nil }
        #expect(taken.duration(to: .now) > .seconds(2))
        #expect(try await world.pod("bot")?.uid != first.uid)
      }
    }
  }

  @Test("tells an Agent whose namespace is no tenant's, and lets it go") func strangers() async throws {
    try await OperatorWorld.with { world in
      try await world.operated { _ in
        var stray = world.agent("stray")
        stray.namespace = "lobstack-control-plane"
        try await world.client.apply(stray, of: AgentObject.type)
        func now() async throws -> KubernetesObject {
          try await world.client.get(AgentObject.type, "stray", namespace: "lobstack-control-plane")
        }
        try await eventually("it is told") {
          try await now()["status", "conditions"]?.array?.first?["reason"]?.string == "NotATenant"
        }
        try await world.client.delete(AgentObject.type, "stray", namespace: "lobstack-control-plane")
        try await eventually("it is gone") {
          do { _ = try await now() } catch let fault as Fault { return fault.code == .notFound }
          return false
        }
      }
    }
  }

  @Test("goes on where another stopped, and after the API server was away") func takeover() async throws {
    try await OperatorWorld.with { world in
      try await world.operated(["one", "two"]) { tasks in
        try await world.apply(world.agent("before"))
        try await eventually("it is made") { try await world.pod("before") != nil }
        let lease = ResourceType(group: "coordination.k8s.io", plural: "leases")
        func holder() async throws -> String? {
          try await world.client.get(lease, "lobstack-operator", namespace: world.values.namespaces.controlPlane)[
            "spec", "holderIdentity"]?.string
        }
        let first = try #require(try await holder())
        tasks[first]?.cancel()
        try await world.apply(world.agent("between"))
        try await eventually("the other made it") { try await world.pod("between") != nil }
        let second = try #require(try await holder())
        #expect(Set([first, second]) == ["one", "two"])

        await world.server.stopAPI()
        try await Task.sleep(for: .seconds(4))
        try await world.server.startAPI()
        try await world.apply(world.agent("after"))
        try await eventually("it is made after the break") { try await world.pod("after") != nil }
        for name in ["before", "between"] { #expect(try await world.pod(name) != nil) }
      }
    }
  }
}
