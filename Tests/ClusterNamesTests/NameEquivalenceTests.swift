import AgentModel
import Blueprint
import Foundation
import JSONValues
import KubernetesAPI
import NameResolution
import SeededRandom
import TestSupport
import Testing

@testable import ClusterNames

/// The same documents on one machine, whose node writes a table, and on a cluster.
@Suite("A document opens the same names on one machine and on a cluster") struct NameEquivalenceTests {
  private static let agent = IPv4Address(bits: 0x0a01_0001)
  private static let gateway = IPv4Address(bits: 0x0a60_0101)

  private static let documents: [(hosts: [JSON], opens: Set<String>)] = [
    ([], ["api.lobstack.internal"]),
    ([["host": "api.example.com"]], ["api.lobstack.internal", "api.example.com"]),
    (
      [["host": "*.example.org"], ["host": "api.example.com"]],
      ["api.lobstack.internal", "api.example.com", "a.example.org", "a.b.example.org"]
    ),
    (
      [
        [
          "host": "api.anthropic.com", "credential": ["secret": "key", "header": "x-api-key"], "methods": ["POST"],
          "paths": ["/v1/messages"],
        ]
      ], ["api.lobstack.internal", "api.anthropic.com.lobstack.internal"]
    ),
    (
      [
        ["host": "api.example.com", "expires": "2020-01-01T00:00:00Z"],
        ["host": "a.example.org", "expires": "2999-01-01T00:00:00Z"],
      ],
      ["api.lobstack.internal", "a.example.org"]
    ),
  ]

  private static let names = [
    "api.example.com", "a.example.org", "a.b.example.org", "example.org", "api.lobstack.internal", "lobstack.internal",
    "api.anthropic.com", "api.anthropic.com.lobstack.internal", "api.example.com.lobstack.internal", "evil.example.net",
    "x.api.example.com", "localhost", "kubernetes.default.svc.cluster.local", "", "com",
    "6c6f6273746572206578666974726174696f6e20657861.example.net",
  ]

  private static func machine(_ hosts: [JSON]) throws -> Resolver {
    let document = JSON.object([
      "apiVersion": "lobstack.dev/v1", "kind": "Agent", "metadata": ["name": "one"],
      "spec": ["image": "docker://registry.example.com/team/agent:1.4", "egress": .array(hosts)],
    ])
    let parsed = try parseAgent(document.text, source: "agent")
    let open = parsed.spec.egress.filter { $0.isOpen(at: .now) }
    return Resolver(
      table: ResolverTable(
        version: .none, address: gateway, agents: [ResolverTable.Agent(address: agent, egress: open)]))
  }

  private static func cluster(_ hosts: [JSON]) async -> ClusterExample {
    let cluster = ClusterExample()
    await cluster.tell(.agents, .replaced([ClusterExample.agent("one", hosts: hosts)]))
    await cluster.tell(.gateways, .replaced([ClusterExample.gateway(of: "one", at: gateway.description)]))
    await cluster.tell(.pods, .replaced([ClusterExample.pod("one", of: "one", at: agent.description)]))
    return cluster
  }

  @Test("for every name and type, and for a stranger, byte by byte", arguments: documents.indices)
  func same(document: Int) async throws {
    let (hosts, opens) = Self.documents[document]
    let machine = try Self.machine(hosts)
    var cluster = await Self.cluster(hosts)
    for name in Self.names {
      for type: UInt8 in [1, 28, 16, 65, 255, 252, 10] {
        for source in [Self.agent, IPv4Address(bits: 0x0a01_0009)] {
          let message = query(name, type: type)
          let own = machine.reply(to: message[...], from: source, isHost: false)
          #expect(cluster.reply(message, from: source) == own, "\(name) \(type) from \(source)")
          if type == 1 {
            let isOpen = opens.contains(name) && source == Self.agent
            #expect((own.outcome == .answered) == isOpen, "\(name) from \(source)")
          }
        }
      }
    }
  }

  @Test("and for messages that are none") func hostile() async throws {
    var generator = SplitMix64(seed: 5)
    let hosts = Self.documents[2].hosts
    let machine = try Self.machine(hosts)
    var cluster = await Self.cluster(hosts)
    for round in 0..<2_000 {
      var message = query(Self.names[round % Self.names.count], type: UInt8(round % 256))
      for _ in 0...Int.random(in: 0...3, using: &generator) where !message.isEmpty {
        let place = Int.random(in: 0..<message.count, using: &generator)
        if Bool.random(using: &generator) {
          message[place] = UInt8.random(in: 0...255, using: &generator)
        } else {
          message.remove(at: place)
        }
      }
      #expect(
        cluster.reply(message, from: Self.agent) == machine.reply(to: message[...], from: Self.agent, isHost: false))
    }
  }
}
