import ClusterAgents
import JSONValues
import KubernetesAPI
import TestSupport
import Testing

@testable import Operator

/// Against a real API server: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite("What is to be done about an Agent", .enabled(if: KubernetesServer.isThere), .timeLimit(.minutes(2)))
struct ToldContainmentTests {
  @Test("is in force once it is told, and is told of no other that has its name") func told() async throws {
    try await OperatorWorld.with { world in
      let agent = try await world.apply(world.agent("bot"))
      let (key, uid) = (ObjectKey(agent), try #require(agent.uid))
      func contain(_ key: ObjectKey, _ uid: String) async throws -> Bool {
        try await world.client.contain(key, uid: uid, Containment(.killed, "why"))
      }
      func now() async throws -> KubernetesObject {
        try await world.client.get(AgentObject.type, key.name, namespace: key.namespace)
      }
      let others = [
        try await contain(key, "another"), try await contain(ObjectKey(namespace: key.namespace, name: "none"), uid),
      ]
      #expect(others == [false, false])
      #expect(try await Containment(of: now()) == nil)
      for _ in 0..<2 { #expect(try await contain(key, uid)) }
      #expect(try await Containment(of: now())?.kind == .killed)
      // Nobody's time, by which none could be told any more.
      try await world.client.patch(
        .merge(["metadata": ["annotations": ["lobstack.dev/released-at": "9999-12-31T23:59:59Z"]]]), AgentObject.type,
        key.name, namespace: key.namespace)
      #expect(try await Containment(of: now())?.kind == .killed)
      let release = Containment.release(from: try await now())
      try await world.client.patch(
        .merge(["metadata": ["annotations": .object(release)]]), AgentObject.type, key.name, namespace: key.namespace)
      #expect(try await Containment.isOver(now()))
      // Within the same second.
      #expect(try await contain(key, uid))
      #expect(try await Containment(of: now())?.kind == .killed)
    }
  }
}
