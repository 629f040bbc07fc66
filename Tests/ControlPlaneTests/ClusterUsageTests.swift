import APIModel
import ClusterAgents
import JSONValues
import KubernetesAPI
import Testing

@testable import ControlPlane

@Suite("What agents of a cluster use") struct ClusterUsageTests {
  private static let pod = KubernetesObject(fields: [
    "spec": [
      "containers": [["name": "agent", "resources": ["limits": ["cpu": "1500m", "memory": "2Gi"]]]]
    ]
  ])

  private func usage(_ cpu: JSON, _ memory: JSON, container: String = "agent", pod: KubernetesObject? = Self.pod)
    -> UsageResource
  {
    let metrics = KubernetesObject(fields: [
      "timestamp": "2026-11-28T18:00:00Z", "window": "15s",
      "containers": [
        ["name": "other", "usage": ["cpu": "9", "memory": "9"]],
        ["name": .string(container), "usage": ["cpu": cpu, "memory": memory]],
      ],
    ])
    return UsageResource(metrics, pod: pod, container: "agent")
  }

  @Test("is what the cluster measured last of the agent's own container") func sample() throws {
    let usage = usage("250123456n", "12345Ki")
    #expect(usage.limits == UsageResource.Limits(cpus: 1.5, memoryBytes: 2 << 30))
    let sample = try #require(usage.samples.first)
    #expect(usage.samples.count == 1 && usage.intervalSeconds == 15)
    #expect(sample.cpus == 0.25 && sample.memoryBytes == 12345 << 10 && sample.tasks == nil)
    // What is not known is left out.
    #expect(try !String(decoding: APIJSON.encode(usage), as: UTF8.self).contains("tasks"))
  }

  @Test("is read by Kubernetes' units", arguments: [("0", 0), ("2", 2), ("1500u", 0.002), ("75m", 0.075)])
  func units(text: String, cpus: Double) { #expect(usage(.string(text), "1Mi").samples.first?.cpus == cpus) }

  @Test("is nothing where nothing can be read, and nothing of a Pod of its name that is another's") func nothing() {
    #expect(usage("1", "much").samples.isEmpty && usage("1", .null).samples.isEmpty)
    #expect(usage("1", "1Mi", container: "x").samples.isEmpty)
    #expect(usage("1", "1Mi", pod: nil) == UsageResource(intervalSeconds: 15, limits: .init(), samples: []))
    for text in ["", "n", "-1", "1x", "99999999999999999999", "1.5"] {
      #expect(usage(.string(text), "1Mi").samples.first?.cpus == nil)
    }
  }

  @Test("belongs to the Agent that its Pod belongs to") func owner() {
    func pod(_ kind: String, uid: String, _ change: (inout KubernetesObject) -> Void = { _ in }) -> KubernetesObject {
      var pod = KubernetesObject(fields: [
        "metadata": [
          "labels": ["lobstack.dev/agent": "true"], "annotations": ["lobstack.dev/agent-uid": "a"],
          "ownerReferences": [
            ["apiVersion": "v1", "kind": .string(kind), "name": "bot", "uid": .string(uid), "controller": true]
          ],
        ], "spec": ["runtimeClassName": "gvisor"],
      ])
      change(&pod)
      return pod
    }
    let agent = AgentObject(object: KubernetesObject(fields: ["metadata": ["uid": "a"]]))
    #expect(agent.owns(pod("Agent", uid: "a")) && agent.owns(pod("Sandbox", uid: "s")))
    #expect(!agent.owns(pod("Agent", uid: "b")) && !agent.owns(pod("ReplicaSet", uid: "a")))
    #expect(!agent.owns(pod("Sandbox", uid: "s") { $0.annotations = ["lobstack.dev/agent-uid": "b"] }))
    #expect(!agent.owns(pod("Agent", uid: "a") { $0.labels = [:] }))
    #expect(!agent.owns(pod("Agent", uid: "a") { $0.fields["spec"] = ["runtimeClassName": "runc"] }))
    let nobody = AgentObject(object: KubernetesObject(fields: [:]))
    #expect(!nobody.owns(pod("Agent", uid: "")))
  }
}
