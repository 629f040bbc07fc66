import APIModel
import AgentModel
import Foundation
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

/// What the control plane does to an agent that runs, as far as it shows without a kubelet: with `KUBE_APISERVER=path`,
/// otherwise skipped.
@Suite(
  "An agent of a cluster that runs", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(4)))
struct ClusterProgramTests {
  private static let agents = ResourceType(group: "lobstack.dev", plural: "agents")
  private static let pods = ResourceType(plural: "pods")
  private static let document = """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: bot}
    spec: {image: "docker://registry.example.com/team/bot:1.4"}
    """

  @Test("runs programs for whom the cluster's RBAC lets, in its own Pod alone, and tells of each before")
  func programs() async throws {
    try await ClusterWorld.with { world in
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      let viewer = try await world.account("viewer", .default, role: "lobstack-agent-viewer").token()
      try await world.planes(1) {
        func run(_ options: [String] = [], as token: String) async throws -> TestPlatform.Outcome {
          try await world.lobstack(["agent", "exec", "bot"] + options, as: token, behind: ["--", "id"])
        }
        try await world.lobstack(["agent", "create", "-f", "-"], as: token, input: Self.document).ok()
        let agent = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))

        let refused = try await run(as: viewer)
        #expect(refused.code == 1 && refused.error.contains("may not create agents/exec.lobstack.dev"), "\(refused)")
        let early = try await run(as: token)
        #expect(early.code == 1 && early.error.contains("the agent does not run"), "\(early)")

        try await Self.makePod(of: agent, uid: "another", world)
        let foreign = try await run(as: token)
        #expect(foreign.code == 1 && foreign.error.contains("is not the agent's"), "\(foreign)")
        #expect(try !world.output(0).contains("agent.exec"))

        try await Self.makePod(of: agent, uid: agent.uid ?? "", world)
        for options in [["--env", "A=b"], ["--directory", "/"]] {
          let unable = try await run(options, as: token)
          #expect(unable.code != 0 && unable.error.contains("neither variables nor a directory"), "\(unable)")
        }
        // As far as the API server, which knows no such node.
        let gone = try await run(as: token)
        #expect(gone.code != 0 && gone.error.contains("node-a"), "\(gone)")
        let told = try world.output(0)
        let actor = #""actor":"system:serviceaccount:lobstack-agents:ci""#
        for outcome in ["allowed", "failed"] {
          #expect(
            told.split(separator: "\n").contains {
              $0.contains(#""action":"agent.exec""#) && $0.contains(actor) && $0.contains(#""command":"id""#)
                && $0.contains(#""outcome":"\#(outcome)""#)
            }, "\(told)")
        }

        try await world.lobstack(["agent", "stop", "bot"], as: token).ok()
        #expect(try await run(as: token).error.contains("the agent does not run"))
      }
    }
  }

  @Test("tells what it uses where the cluster measures that") func usage() async throws {
    try await ClusterWorld.with { world in
      let token = try await world.account("viewer", .default, role: "lobstack-agent-editor").token()
      try await world.planes(1) {
        try await world.lobstack(["agent", "create", "-f", "-"], as: token, input: Self.document).ok()
        let agent = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))
        try await Self.makePod(of: agent, uid: agent.uid ?? "", world)
        let without = try await world.curl(
          "/v1/tenants/default/agents/bot/usage", ["-H", "Authorization: Bearer \(token)"])
        #expect(without.status == 501 && without.body.contains("metrics-server"), "\(without)")

        try await Self.serveMetrics(world)
        func usage() async throws -> UsageResource {
          try await world.lobstack(["agent", "usage", "bot", "-o", "json"], as: token).ok().json(UsageResource.self)
        }
        #expect(try await usage().samples.isEmpty)
        var metrics = KubernetesObject(fields: [
          "apiVersion": "metrics.k8s.io/v1beta1", "kind": "PodMetrics", "timestamp": "2026-11-28T18:00:00Z",
          "window": "15s",
          "containers": [["name": "agent", "usage": ["cpu": "500000000n", "memory": "1024Ki"]]],
        ])
        metrics.name = "bot"
        metrics.namespace = world.namespace(.default)
        try await world.client.create(metrics, of: Self.metrics)
        let sample = try #require(try await usage().samples.first)
        #expect(sample.cpus == 0.5 && sample.memoryBytes == 1 << 20 && sample.tasks == nil)
      }
    }
  }

  @Test("is contained by who may change it, and let run again") func responses() async throws {
    try await ClusterWorld.with { world in
      let token = try await world.account("ci", .default, role: "lobstack-agent-editor").token()
      let viewer = try await world.account("viewer", .default, role: "lobstack-agent-viewer").token()
      try await world.planes(1) {
        func respond(_ response: String, as token: String) async throws -> TestPlatform.Outcome {
          try await world.lobstack(["agent", "respond", "bot", response], as: token)
        }
        try await world.lobstack(["agent", "create", "-f", "-"], as: token, input: Self.document).ok()
        #expect(try await respond("kill", as: viewer).error.contains("may not update"))
        try await world.lobstack(["agent", "stop", "bot"], as: token).ok()
        #expect(try await respond("kill", as: token).error.contains("the agent does not run"))
        try await world.lobstack(["agent", "start", "bot"], as: token).ok()
        try await world.client.patch(
          .merge(["status": ["phase": "Running"]]), Self.agents, "bot", namespace: world.namespace(.default),
          subresource: "status")

        // No operator carries it out here.
        try await respond("quarantine", as: token).ok()
        let held = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))
        let condition = held["status", "conditions"]?.array?.first { $0["type"]?.string == "Contained" }
        #expect(condition?["reason"]?.string == "Quarantined")
        #expect(condition?["message"]?.string?.contains("system:serviceaccount:lobstack-agents:ci") == true)
        #expect(held["status", "phase"]?.string == "Running")

        try await world.lobstack(["agent", "start", "bot"], as: token).ok()
        let released = try await world.client.get(Self.agents, "bot", namespace: world.namespace(.default))
        #expect(released.annotations["lobstack.dev/released-at"] != nil)
      }
    }
  }

  // MARK: What a cluster has

  /// A Pod of the agent's name, in the place of one that is there; a kubelet would say that it runs.
  private static func makePod(of agent: KubernetesObject, uid: String, _ world: ClusterWorld) async throws {
    let namespace = world.namespace(.default)
    let classes = ResourceType(group: "node.k8s.io", plural: "runtimeclasses", isNamespaced: false)
    try await world.client.apply(
      KubernetesObject(fields: [
        "apiVersion": "node.k8s.io/v1", "kind": "RuntimeClass", "handler": "runsc", "metadata": ["name": "gvisor"],
      ]), of: classes)
    do {
      try await world.client.delete(pods, agent.name, namespace: namespace, Deletion(grace: 0))
    } catch {
      // There is none.
    }
    var pod = KubernetesObject(fields: [
      "apiVersion": "v1", "kind": "Pod",
      "metadata": [
        "ownerReferences": [
          [
            "apiVersion": "lobstack.dev/v1", "kind": "Agent", "name": .string(agent.name), "uid": .string(uid),
            "controller": true,
          ]
        ]
      ],
      "spec": [
        "nodeName": "node-a", "runtimeClassName": "gvisor", "automountServiceAccountToken": false,
        "securityContext": [
          "runAsNonRoot": true, "runAsUser": 10001, "seccompProfile": ["type": "RuntimeDefault"],
        ],
        "containers": [
          [
            "name": "agent", "image": "r.example.com/x:1",
            "resources": ["limits": ["cpu": "1", "memory": "1Gi"]],
            "securityContext": ["allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"]]],
          ]
        ],
      ],
    ])
    pod.name = agent.name
    pod.namespace = namespace
    pod.labels = ["lobstack.dev/agent": "true"]
    try await world.client.create(pod, of: pods)
    try await world.client.patch(
      .merge(["status": ["phase": "Running"]]), pods, agent.name, namespace: namespace, subresource: "status")
  }

  private static let metrics = ResourceType(group: "metrics.k8s.io", version: "v1beta1", plural: "pods")

  /// The metrics server's API, with objects that the API server keeps.
  private static func serveMetrics(_ world: ClusterWorld) async throws {
    let definitions = ResourceType(
      group: "apiextensions.k8s.io", plural: "customresourcedefinitions", isNamespaced: false)
    try await world.client.create(
      KubernetesObject(fields: [
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": [
          "name": "pods.metrics.k8s.io",
          "annotations": ["api-approved.kubernetes.io": "unapproved, a test's"],
        ],
        "spec": [
          "group": "metrics.k8s.io", "scope": "Namespaced",
          "names": ["plural": "pods", "singular": "pod", "kind": "PodMetrics", "listKind": "PodMetricsList"],
          "versions": [
            [
              "name": "v1beta1", "served": true, "storage": true,
              "schema": [
                "openAPIV3Schema": ["type": "object", "x-kubernetes-preserve-unknown-fields": true]
              ],
            ]
          ],
        ],
      ]), of: definitions)
    try await eventually("it is served", within: .seconds(20)) { try await world.client.serves(metrics) }
  }
}
