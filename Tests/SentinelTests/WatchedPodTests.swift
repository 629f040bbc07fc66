import APIModel
import AgentModel
import ClusterAgents
import Foundation
import JSONValues
import KubernetesAPI
import NodeProtocol
import Testing

@testable import Sentinel

@Suite("Alerts that were told before") struct RecentAlertsTests {
  @Test("are told by their id, whatever became of them, and forgotten after ten thousand others") func told() {
    var recent = RecentAlerts()
    let first = recent.insert("a")
    let again = recent.insert("a")
    #expect(first && !again)
    for number in 0..<9_999 { _ = recent.insert("\(number)") }
    let remembered = !recent.insert("a")
    _ = recent.insert("last")
    let forgotten = recent.insert("a")
    #expect(remembered && forgotten)
  }
}

@Suite("What is known of a node's Pods") struct WatchedPodTests {
  private static let agents = "lobstack-agents"
  private static let image = "r.example.com/lobstack:1"

  private func pod(
    namespace: String = WatchedPodTests.agents, labels: [String: JSON] = [:], annotations: JSON = [:],
    status: JSON = [:], metadata: [String: JSON] = [:]
  ) -> KubernetesObject {
    let own: [String: JSON] = ["lobstack.dev/agent": "true", "lobstack.dev/name": "bot"]
    let meta: [String: JSON] = [
      "name": "bot", "namespace": .string(namespace), "uid": .string(WatchedPod.stubUID), "annotations": annotations,
      "labels": .object(own.merging(labels) { $1 }),
      "ownerReferences": [
        ["apiVersion": "lobstack.dev/v1", "kind": "Agent", "name": "bot", "uid": "a-1", "controller": true]
      ],
    ]
    return KubernetesObject(fields: [
      "metadata": .object(meta.merging(metadata) { $1 }), "spec": ["containers": [["image": "r.example.com/bot:1"]]],
      "status": status,
    ])
  }

  @Test("is what the API server tells of them") func whole() throws {
    let known = try #require(
      WatchedPod(
        pod(
          annotations: ["lobstack.dev/response": "quarantine", "lobstack.dev/tier": "starter"],
          status: [
            "podIP": "10.244.0.9",
            "containerStatuses": [
              [
                "containerID": "containerd://b1", "state": ["running": [:]],
                "lastState": ["terminated": ["containerID": "containerd://b0"]],
              ]
            ],
          ]), agents: Self.agents, platformImage: Self.image))
    #expect("\(known.agent)" == "default/bot" && known.owner == WatchedPod.Owner(name: "bot", uid: "a-1"))
    #expect(known.containers == ["b0", "b1"] && known.isRunning && known.response == .quarantine)
    #expect(known.sandbox?.container == WatchedPod.stubUID && known.sandbox?.response == .quarantine)
  }

  @Test(
    "is of the tenant that the namespace says, and of no other namespace",
    arguments: [
      ("lobstack-agents", "default"), ("lobstack-agents-acme", "acme"), ("lobstack-agents-", nil), ("kube-system", nil),
      ("lobstack-agentsacme", nil), ("lobstack-agents-default", "default"),
    ] as [(String, String?)])
  func tenant(namespace: String, tenant: String?) {
    let known = WatchedPod(
      pod(namespace: namespace, labels: ["lobstack.dev/tenant": "victim"]), agents: Self.agents,
      platformImage: Self.image)
    #expect(known.map { "\($0.agent.tenant)" } == tenant)
  }

  @Test("is no Pod without the label, and asks for the most where it does not say what is to follow") func odd() {
    #expect(
      WatchedPod(pod(labels: ["lobstack.dev/agent": "false"]), agents: Self.agents, platformImage: Self.image) == nil)
    #expect(
      WatchedPod(pod(labels: ["lobstack.dev/name": "../x"]), agents: Self.agents, platformImage: Self.image) == nil)
    #expect(WatchedPod(pod(), agents: Self.agents, platformImage: Self.image)?.response == .kill)
    #expect(
      WatchedPod(pod(annotations: ["lobstack.dev/response": "?"]), agents: Self.agents, platformImage: Self.image)?
        .response == .kill)
    let status: JSON = ["containerStatuses": [["containerID": "containerd://", "state": ["waiting": [:]]]]]
    #expect(WatchedPod(pod(status: status), agents: Self.agents, platformImage: Self.image)?.containers == [])
    let going = pod(
      status: ["containerStatuses": [["state": ["running": [:]]]]],
      metadata: ["deletionTimestamp": "2026-01-01T00:00:00Z"])
    #expect(WatchedPod(going, agents: Self.agents, platformImage: Self.image)?.isRunning == false)
  }

  @Test("is its Agent's, also when agent-sandbox made it") func sandbox() {
    func owner(_ annotations: JSON) -> WatchedPod.Owner? {
      let references: JSON = [
        ["apiVersion": "agents.x-k8s.io/v1beta1", "kind": "Sandbox", "name": "bot", "uid": "s-1", "controller": true]
      ]
      return WatchedPod(
        pod(annotations: annotations, metadata: ["ownerReferences": references]), agents: Self.agents,
        platformImage: Self.image)?.owner
    }
    #expect(owner(["lobstack.dev/agent-uid": "a-1"]) == WatchedPod.Owner(name: "bot", uid: "a-1"))
    #expect(owner([:]) == nil)
  }

  @Test("knows the container that waits for policies by its name and its image") func platformContainers() {
    func platforms(_ name: String, _ image: String) -> Set<String>? {
      var object = pod(status: [
        "initContainerStatuses": [["name": .string(name), "containerID": "containerd://c0"]],
        "containerStatuses": [["name": "agent", "containerID": "containerd://b0"]],
      ])
      object.fields["spec"] = ["initContainers": [["name": .string(name), "image": .string(image)]]]
      return WatchedPod(object, agents: Self.agents, platformImage: Self.image)?.platformContainers
    }
    #expect(platforms("isolation", Self.image) == ["c0"])
    #expect(platforms("isolation", "r.example.com/lobstack@sha256:0a") == ["c0"])
    #expect(platforms("isolation", "r.example.com/bot:1") == [])
    #expect(platforms("other", Self.image) == [])
  }

  @Test("says which run without telling anything, and since when") func unwatched() throws {
    let table = PodTable()
    let now = ContinuousClock.now
    let session = TraceSession(
      container: WatchedPod.stubUID, connection: 1, messages: 0, dropped: 3, lastMessage: nil)
    table.replace([try .stub(container: "b0"), try .stub(uid: "2", name: "two", container: "c0", isRunning: false)])
    #expect(table.unwatched(for: .seconds(10), now: now).isEmpty)
    #expect(table.unwatched(for: .seconds(10), now: now + .seconds(9)).isEmpty)
    #expect(table.unwatched(for: .seconds(10), now: now + .seconds(10)).map(\.uid) == [WatchedPod.stubUID])
    // Once it is seen the time begins anew.
    table.set([session], rules: 1)
    #expect(table.unwatched(for: .seconds(10), now: now + .seconds(11)).isEmpty)
    table.set([], rules: 1)
    #expect(table.unwatched(for: .seconds(10), now: now + .seconds(12)).isEmpty)
    #expect(table.unwatched(for: .seconds(10), now: now + .seconds(22)).count == 1)
    #expect(table.counts.dropped == 3 && table.isReady)
    table.remove(WatchedPod.stubUID)
    #expect(table.unwatched(for: .zero, now: now + .seconds(60)).isEmpty)
    #expect(table.pod(WatchedPod.stubUID)?.name == "bot" && table.isOver(WatchedPod.stubUID))
  }

  @Test("is in each alert by the names that Falco's consumers know") func names() throws {
    var alert = AlertResource.stub("1", container: WatchedPod.stubUID, fields: ["container.id": .string("b0")])
    let told = AlertLines.named(alert, try .stub(container: "b0"))
    #expect("\(try #require(told.agent))" == "default/bot")
    #expect(told.outputFields["k8s.ns.name"] == .string("lobstack-agents"))
    #expect(told.outputFields["k8s.pod.name"] == .string("bot"))
    #expect(told.outputFields["k8s.pod.uid"] == .string(WatchedPod.stubUID))
    #expect(told.outputFields["container.id"] == .string("b0"))
    let line = String(decoding: try told.falcoLine(), as: UTF8.self)
    #expect(line.contains(#""lobstack.agent":"default/bot""#) && !line.contains("\n"))
    // Of no Pod that is known.
    alert.container = "b9"
    #expect(AlertLines.named(alert, nil).outputFields["container.id"] == .string("b9"))
    #expect(AlertLines.named(alert, nil).agent == nil)
  }

  @Test("has few Events, however many alerts there are") func events() {
    var budget = EventBudget()
    let now = ContinuousClock.now
    let admitted = [
      ("one", 0), ("one", 0), ("one", 0), ("one", 0), ("one", 0), ("one", 0), ("two", 0), ("one", 29), ("one", 31),
    ]
    .map { pod, seconds in budget.admits(pod, now: now + .seconds(seconds)) }
    #expect(admitted == [true, true, true, true, true, false, true, false, true])
  }
}
