import ClusterAgents
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import NIOCore
import TestSupport
import Testing

@testable import Operator

/// Against a real API server, with something between: with `KUBE_APISERVER=path`, otherwise skipped.
@Suite(
  "The operator of an API server that", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(5)))
struct UnreliableServerTests {
  private static let lease = ResourceType(group: "coordination.k8s.io", plural: "leases")

  private static func lease(_ world: OperatorWorld) async throws -> JSON? {
    try await world.client.get(lease, "lobstack-operator", namespace: world.values.namespaces.controlPlane)["spec"]
  }

  @Test("answers two seconds late keeps its lease, and makes what it is to make, once") func slow() async throws {
    try await OperatorWorld.with { world in
      try await ServerLink.with(world.server, delay: .seconds(2)) { link in
        // Its real times: those of tests are shorter than one answer.
        let connection = OperatorWorld.Connection(port: link.port, timing: LeaderElection.Timing())
        let names = (0..<20).map { "bot-\($0)" }
        for name in names { try await world.apply(world.agent(name)) }
        try await world.operated(connection: connection) { _ in
          try await eventually("all Pods are there", within: .seconds(180)) {
            try await pods(world).count == names.count
          }
          let made = try await pods(world)
          // What is answered late must not be taken for what is not there.
          try await Task.sleep(for: .seconds(10))
          #expect(try await pods(world) == made)
          #expect(try await Self.lease(world)?["leaseTransitions"]?.int ?? 0 == 0)
        }
      }
    }
  }

  @Test("ends its watches again and again misses nothing") func lostWatches() async throws {
    try await OperatorWorld.with { world in
      try await ServerLink.with(world.server) { link in
        try await world.operated(connection: OperatorWorld.Connection(port: link.port)) { _ in
          for number in 0..<5 {
            try await world.apply(world.agent("bot-\(number)"))
            link.cut()
            try await Task.sleep(for: .milliseconds(300 * number))
          }
          try await eventually("all Pods are there", within: .seconds(60)) { try await pods(world).count == 5 }
          // What is deleted while nobody watches is made again.
          let type = ResourceType(group: "networking.k8s.io", plural: "networkpolicies")
          let before = try await world.client.get(type, "bot-3-agent", namespace: OperatorWorld.namespace)
          link.isOpen = false
          try await world.client.delete(type, before.name, namespace: OperatorWorld.namespace)
          link.isOpen = true
          try await eventually("the policy is there again", within: .seconds(60)) {
            let now = try? await world.client.get(type, before.name, namespace: OperatorWorld.namespace)
            return now.map { $0.uid != before.uid } ?? false
          }
        }
      }
    }
  }

  @Test("cannot be reached by the one that leads is served by another, and nothing is lost or made twice")
  func killedLeader() async throws {
    try await OperatorWorld.with { world in
      try await ServerLink.with(world.server) { link in
        try await world.operated(["one"], connection: OperatorWorld.Connection(port: link.port)) { _ in
          try await world.apply(world.agent("before"))
          try await eventually("it is made") { try await world.pod("before") != nil }
          try await world.operated(["two"]) { _ in
            // As at its death: it gives nothing back.
            link.isOpen = false
            try await world.apply(world.agent("between"))
            try await eventually("the other made it") { try await world.pod("between") != nil }
            #expect(try await Self.lease(world)?["holderIdentity"]?.string == "two")
            #expect(try await Self.lease(world)?["leaseTransitions"]?.int == 1)
            let made = try await pods(world)
            // The first comes back, and waits.
            link.isOpen = true
            try await world.apply(world.agent("after"))
            try await eventually("it is made") { try await world.pod("after") != nil }
            #expect(try await pods(world).isSuperset(of: made))
            #expect(try await Self.lease(world)?["holderIdentity"]?.string == "two")
          }
        }
      }
    }
  }

  @Test("is away for longer than a lease lasts is served as before soon after, and agents run on") func away()
    async throws
  {
    try await OperatorWorld.with { world in
      // Its real times.
      let connection = OperatorWorld.Connection(timing: LeaderElection.Timing())
      try await world.operated(connection: connection) { _ in
        try await world.apply(world.agent("bot"))
        try await eventually("it is made") { try await world.pod("bot") != nil }
        let made = try await pods(world)
        await world.server.stopAPI()
        try await Task.sleep(for: .seconds(25))
        try await world.server.startAPI()
        let back = ContinuousClock.now
        try await world.apply(world.agent("after"))
        try await eventually("it is made after the break") { try await world.pod("after") != nil }
        print("the API server was away for 25 s; an Agent of after it was made within \(back.duration(to: .now))")
        #expect(try await pods(world).isSuperset(of: made))
      }
    }
  }

  @Test("does not know its token any more is asked with the next one that its file has") func rotatedToken()
    async throws
  {
    try await OperatorWorld.with { world in
      let file = "\(world.server.directory)/token"
      func write(_ token: String) throws { try token.write(toFile: file, atomically: true, encoding: .utf8) }
      try write("expired")
      try await world.operated(connection: OperatorWorld.Connection(tokenFile: file)) { _ in
        try await world.apply(world.agent("bot"))
        try await Task.sleep(for: .seconds(2))
        #expect(try await world.made().isEmpty)
        try write("\(world.server.token(of: "operator"))\n")
        try await eventually("it is made") { try await world.pod("bot") != nil }
      }
    }
  }

  /// The uids of agents' Pods.
  private func pods(_ world: OperatorWorld) async throws -> Set<String> {
    Set(
      try await world.client.list(
        OwnedType.pods.resource, namespace: OperatorWorld.namespace, Selection(labels: "lobstack.dev/agent=true")
      ).objects.compactMap(\.uid))
  }
}
