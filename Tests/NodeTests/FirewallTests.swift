import AgentModel
import ChildProcess
import Foundation
import NetworkIsolation
import NodeProtocol
import Testing

@Suite("A node whose firewall is taken away", .enabled(if: canRunAgents), .serialized, .timeLimit(.minutes(2)))
struct FirewallTests {
  private func table(_ node: NodeFixture) throws -> String {
    try NetworkIsolation(layout: node.layout, deniedDestinations: ["10.0.0.0/8"]).table.name
  }

  @Test("stops every agent, not just the first that it finds, and restores it")
  func firewallIsGone() async throws {
    try await NodeFixture.with { node in
      let uids = (0..<3).map { _ in AgentUID.random() }
      try await node.apply(
        DesiredState(revision: 1, agents: try uids.map { try node.agent("exec sleep 600", uid: $0) }))
      for uid in uids { _ = try await node.observe(uid) { $0.phase == .running } }
      let table = try table(node)
      try await Command("nft", ["delete", "table", "inet", table]).check()
      for uid in uids {
        let again = try await node.observe(uid) { $0.phase == .running && $0.restarts == 1 }
        #expect(
          again.lastTermination == "stopped because layer 'network' was not enforced: nft table inet \(table) is gone")
        #expect(again.layers.allSatisfy { $0.state == .enforced }, "\(again.layers)")
      }
    }
  }

  @Test("starts an agent also when that was while none ran") func firewallIsGoneBefore() async throws {
    try await NodeFixture.with { node in
      let table = try table(node)
      try await Command("nft", ["delete", "table", "inet", table]).check()
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try node.agent("exec sleep 600", uid: uid)]))
      let running = try await node.observe(uid) { $0.phase == .running }
      #expect(running.layers.allSatisfy { $0.state == .enforced }, "\(running.layers)")
    }
  }

  @Test("tells it also of an agent that it was about to stop for another reason") func busy() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      var agent = try node.agent("trap '' TERM; while :; do sleep 1; done", uid: uid)
      try await node.apply(DesiredState(revision: 1, agents: [agent]))
      _ = try await node.observe(uid) { $0.phase == .running }
      agent.wish = .stop
      agent.generation = 2
      try await node.apply(DesiredState(revision: 2, agents: [agent]))
      // Within the ten seconds that its program has to end.
      let table = try table(node)
      try await Command("nft", ["delete", "table", "inet", table]).check()
      let stopped = try await node.observe(uid) { $0.phase == .stopped }
      let told = "layer 'network' was not enforced: nft table inet \(table) is gone"
      #expect(stopped.lastTermination?.contains(told) == true, "\(String(describing: stopped.lastTermination))")
      #expect(stopped.restarts == 0)
    }
  }
}
