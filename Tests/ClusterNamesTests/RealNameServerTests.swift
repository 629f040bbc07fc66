import APIModel
import AgentModel
import ClusterAgents
import Glibc
import JSONValues
import KubernetesAPI
import SeededRandom
import Synchronization
import TestSupport
import Testing

@testable import ClusterNames

/// Against a real API server: with `KUBE_APISERVER=path`, otherwise skipped. Agents ask from addresses of 127/8.
@Suite("The name server of a cluster", .enabled(if: KubernetesServer.isThere), .serialized, .timeLimit(.minutes(4)))
struct RealNameServerTests {
  @Test("answers agents by UDP and TCP within a second of what happens to them, with no more rights than are rendered")
  func life() async throws {
    try await NameServerWorld.with { world in
      try await world.start("one", at: "127.9.0.1", gateway: "10.0.0.11")
      try await world.start("two", at: "127.9.0.2", gateway: "10.0.0.12", hosts: [["host": "*.example.org"]])
      try await world.serving { server in
        for kind in [SOCK_DGRAM, SOCK_STREAM] {
          #expect(try server.ask("api.example.com", from: "127.9.0.1", kind) == "10.0.0.11")
          #expect(try server.ask("api.lobstack.internal", from: "127.9.0.2", kind) == "10.0.0.12")
          #expect(try server.ask("A.b.Example.org", from: "127.9.0.2", kind) == "10.0.0.12")
          #expect(try server.ask("api.example.com", from: "127.9.0.2", kind) == "code 3")
        }
        #expect(try server.ask("api.example.com", from: "127.9.0.9", SOCK_STREAM) == "code 5")

        // One that asks before its address is told is answered when it is.
        try await world.make("late", gateway: "10.0.0.13")
        let early = try server.socket(from: "127.9.0.3")
        early.send(query("api.example.com", id: 77))
        try await world.setPod("late", at: "127.9.0.3")
        let answer = early.receive()
        #expect(id(answer) == 77 && answer?.suffix(4) == [10, 0, 0, 13])

        // The address of a Pod that has gone is another's.
        try await world.delete(NameServerWorld.pods, "one")
        try await eventually("it is nobody's") {
          try server.ask("api.example.com", from: "127.9.0.1", SOCK_STREAM) == "code 5"
        }
        try await world.make("three", gateway: nil, hosts: [["host": "three.example.net"]])
        try await world.setPod("three", at: "127.9.0.1")
        try await eventually("it is another's, whose gateway has no address yet") {
          try server.ask("three.example.net", from: "127.9.0.1", SOCK_STREAM) == "code 2"
        }
        #expect(try server.ask("api.example.com", from: "127.9.0.1") == "code 3")
        try await world.makeGateway(of: "three", at: "10.0.0.14")
        try await eventually("the gateway has one") {
          try server.ask("three.example.net", from: "127.9.0.1") == "10.0.0.14"
        }

        // A Pod that has ended keeps its address in the API.
        try await world.setPod("three", at: "127.9.0.1", phase: "Succeeded")
        try await eventually("it has ended") {
          try server.ask("three.example.net", from: "127.9.0.1", SOCK_STREAM) == "code 5"
        }

        // Another document, another name.
        try await world.apply(world.agent("two", [["host": "new.example.net"]]))
        try await eventually("its names are others") {
          try server.ask("new.example.net", from: "127.9.0.2") == "10.0.0.12"
        }
        #expect(try server.ask("a.example.org", from: "127.9.0.2") == "code 3")

        try await eventually("what was refused is told") {
          server.denials.contains { $0.agent.map { "\($0)" } == "default/two" && $0.host == "a.example.org" }
        }
        #expect(
          server.denials.contains { $0.rule == "dns-unknown-source" && $0.source == "127.9.0.9" && $0.agent == nil })
      }
    }
  }

  @Test("goes on with what it knows while the API server is away, and is not ready before it knew anything")
  func away() async throws {
    try await NameServerWorld.with { world in
      try await world.start("one", at: "127.9.0.1", gateway: "10.0.0.11")
      try await world.serving { server in
        #expect(try server.ask("api.example.com", from: "127.9.0.1") == "10.0.0.11")
        await world.server.stopAPI()
        #expect(try server.ask("api.example.com", from: "127.9.0.1") == "10.0.0.11")
        #expect(try await server.probe("/readyz").hasPrefix("HTTP/1.1 200"))
        try await eventually("it is said that this may be old") {
          try await !server.probe("/metrics").contains("lobstack_name_server_stale_lists 0\n")
        }
        try await world.serving(isAwaited: false) { other in
          let (ready, healthy) = (try await other.probe("/readyz"), try await other.probe("/healthz"))
          #expect(ready.hasPrefix("HTTP/1.1 503") && healthy.hasPrefix("HTTP/1.1 200"))
        }
        try await world.server.startAPI()
        try await world.start("two", at: "127.9.0.2", gateway: "10.0.0.12")
        try await eventually("it knows of what came meanwhile", within: .seconds(60)) {
          try server.ask("api.example.com", from: "127.9.0.2", SOCK_STREAM) == "10.0.0.12"
        }
      }
    }
  }

  @Test("answers on after messages that are none, and after a flood of one agent") func hostile() async throws {
    try await NameServerWorld.with { world in
      try await world.start("one", at: "127.9.0.1", gateway: "10.0.0.11")
      try await world.start("two", at: "127.9.0.2", gateway: "10.0.0.12")
      try await world.serving { server in
        var generator = SplitMix64(seed: 9)
        let evil = try server.socket(from: "127.9.0.1")
        for round in 0..<5_000 {
          var message = query("x\(round % 997).example.net", type: UInt8(round % 256))
          for _ in 0...Int.random(in: 0...2, using: &generator) where !message.isEmpty {
            message[Int.random(in: 0..<message.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
          }
          evil.send(message, flags: Int32(MSG_DONTWAIT))
          if round % 500 == 0 {
            let stream = try server.socket(from: "127.9.0.1", SOCK_STREAM)
            stream.send([UInt8.random(in: 0...255, using: &generator)] + message)
          }
        }
        #expect(try server.ask("api.example.com", from: "127.9.0.2") == "10.0.0.12")
        try await eventually("what was refused is told") { !server.denials.isEmpty }
        // At most so much of each second.
        #expect(server.denials.count <= 10 * (DenialLog.longest + 1))
        #expect(
          try await server.probe("/metrics").contains("lobstack_name_server_queries_total{outcome=\"refused-name\"}"))
      }
    }
  }

  @Test("waits for no namespace that it may not read, and answers nobody there") func refused() async throws {
    try await NameServerWorld.with { world in
      try await world.start("one", at: "127.9.0.1", gateway: "10.0.0.11")
      try await world.serving(tenants: ["default", "gone"]) { server in
        let answer = try server.ask("api.example.com", from: "127.9.0.1")
        let metrics = try await server.probe("/metrics")
        #expect(answer == "10.0.0.11" && metrics.contains("lobstack_name_server_stale_lists 3\n"))
      }
    }
  }
}
