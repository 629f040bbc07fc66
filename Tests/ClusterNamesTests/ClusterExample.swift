import AgentModel
import ClusterAgents
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging
import NameResolution
import TestSupport

@testable import ClusterNames

/// A directory that is told of a cluster's objects, and a resolver that is told by it.
struct ClusterExample {
  static let namespace = "lobstack-agents"
  static let now = Date(timeIntervalSince1970: 1_790_000_000)

  let directory = NameDirectory(tenants: [
    Self.namespace: .default, "lobstack-agents-acme": TenantName("acme") ?? .default,
  ])
  private(set) var resolver = Resolver(table: .none)
  let log = TestLog()

  static func agent(
    _ name: String, hosts: [JSON] = [["host": "api.example.com"]], uid: String? = nil, generation: Int = 1,
    namespace: String = namespace, _ more: JSON = [:]
  ) -> KubernetesObject {
    var spec = more.object ?? [:]
    spec["image"] = spec["image"] ?? "docker://registry.example.com/team/agent:1.4"
    spec["egress"] = .array(hosts)
    return object(
      "Agent", name, namespace, uid: uid ?? "uid-of-\(name)", ["spec": .object(spec)], generation: generation)
  }

  static func pod(
    _ name: String, of agent: String, at address: String?, uid: String? = nil, phase: String = "Running",
    isLeaving: Bool = false, owner: String? = nil, namespace: String = namespace, spec: JSON = [:]
  ) -> KubernetesObject {
    var status: [String: JSON] = ["phase": .string(phase)]
    if let address {
      status["podIP"] = .string(address)
      status["podIPs"] = [["ip": .string(address)], ["ip": "fd00::7"]]
    }
    var pod = object(
      "Pod", name, namespace, uid: uid ?? "uid-of-pod-\(name)", ["spec": spec, "status": .object(status)])
    pod.labels = [AgentLabel.agent: "true", AgentLabel.name: agent]
    var metadata = pod.fields["metadata"]?.object ?? [:]
    if isLeaving { metadata["deletionTimestamp"] = "2026-11-28T12:00:00Z" }
    if let owner {
      metadata["ownerReferences"] = [
        [
          "apiVersion": "lobstack.dev/v1", "kind": "Agent", "name": .string(agent), "uid": .string(owner),
          "controller": true,
        ]
      ]
    }
    pod.fields["metadata"] = .object(metadata)
    return pod
  }

  static func gateway(of agent: String, at address: String?, name: String? = nil, namespace: String = namespace)
    -> KubernetesObject
  {
    let known = AgentName(agent).map { AgentNames($0).gatewayService } ?? ""
    var service = object(
      "Service", name ?? known, namespace, uid: "uid-of-service-\(agent)",
      ["spec": .object(address.map { ["clusterIP": .string($0)] } ?? [:])])
    service.labels = [AgentLabel.name: agent]
    return service
  }

  private static func object(
    _ kind: String, _ name: String, _ namespace: String, uid: String, _ fields: [String: JSON], generation: Int = 1
  ) -> KubernetesObject {
    var object = KubernetesObject(fields: fields)
    object.fields["apiVersion"] = kind == "Agent" ? "lobstack.dev/v1" : "v1"
    object.fields["kind"] = .string(kind)
    object.fields["metadata"] = [
      "name": .string(name), "namespace": .string(namespace), "uid": .string(uid), "generation": .int(generation),
    ]
    return object
  }

  /// The agent "one", which runs at 10.1.0.1 and whose gateway is at 10.96.1.1; and the agent "two".
  static func running() async -> ClusterExample {
    let example = ClusterExample()
    await example.tell(.agents, .replaced([agent("one"), agent("two", hosts: [["host": "two.example.net"]])]))
    await example.tell(
      .gateways, .replaced([gateway(of: "one", at: "10.96.1.1"), gateway(of: "two", at: "10.96.1.2")]))
    await example.tell(
      .pods, .replaced([pod("one", of: "one", at: "10.1.0.1"), pod("two", of: "two", at: "10.1.0.2")]))
    return example
  }

  func tell(_ kind: NameDirectory.Kind, _ change: ObjectChange, in namespace: String = namespace) async {
    await NameFeed(kind: kind, namespace: namespace, directory: directory, logger: log.logger).receive(change)
  }

  /// What a name is to who asks from an address: an address, or the way in which it is none.
  mutating func answer(_ name: String = "api.example.com", from source: String, type: UInt8 = 1) -> String {
    _ = directory.update(&resolver, now: 0, isUrgent: false)
    guard let source = IPv4Address(source) else { return "no address" }
    let reply = resolver.reply(to: query(name, type: type)[...], from: source, isHost: false)
    return reply.outcome == .answered
      ? (reply.message ?? []).suffix(4).map(String.init).joined(separator: ".") : reply.outcome.rawValue
  }

  /// The whole reply.
  mutating func reply(_ message: [UInt8], from source: IPv4Address) -> Resolver.Reply {
    _ = directory.update(&resolver, now: 0, isUrgent: false)
    return resolver.reply(to: message[...], from: source, isHost: false)
  }
}
