import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import Glibc
import NetworkIsolation
import NodeProtocol
import Testing

@Suite("An agent that is attacked from within", .enabled(if: canRunAgents), .serialized, .timeLimit(.minutes(2)))
struct ResponseTests {
  /// Beats twice a second on the host's disk, and lives on without a shell's help.
  private static let program = "while :; do echo x >> beats; sleep 0.1; done"

  private func agent(_ node: NodeFixture, _ uid: AgentUID, response: AgentResponse) throws -> DesiredAgent {
    var agent = try node.agent(Self.program, uid: uid)
    agent.pod.metadata.annotations?[responseAnnotation] = response.rawValue
    return agent
  }

  private func attack(_ node: NodeFixture, _ uid: AgentUID) async throws {
    // The program may be ended in the middle of it, and its client with it.
    _ = try? await node.exec(uid, "cat", "/etc/shadow")
  }

  private func beats(_ node: NodeFixture, _ uid: AgentUID) -> Int {
    let file = "\(node.layout.agentsDirectory)/\(uid)/workspace/beats"
    return FileManager.default.contents(atPath: file)?.count ?? 0
  }

  private func isBeating(_ node: NodeFixture, _ uid: AgentUID) async throws -> Bool {
    let before = beats(node, uid)
    try await Task.sleep(for: .milliseconds(600))
    return beats(node, uid) > before
  }

  @Test("is killed, does not start again by itself, and starts anew when it is told to") func kills() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      var agent = try agent(node, uid, response: .kill)
      try await node.apply(DesiredState(revision: 1, agents: [agent]))
      _ = try await node.observe(uid) { $0.phase == .running }
      try await attack(node, uid)
      let killed = try await node.observe(uid) { $0.phase == .failed && $0.address == nil }
      #expect(killed.reason?.contains("killed in response to alert") == true)
      #expect(killed.reason?.contains("Sensitive path access") == true)
      // Two passes of the loop: restartPolicy Always would have started it.
      try await Task.sleep(for: .seconds(4))
      #expect(try await node.observe(uid) { _ in true }.phase == .failed)
      agent.generation = 2
      agent.sandboxGeneration = 2
      try await node.apply(DesiredState(revision: 2, agents: [agent]))
      let anew = try await node.observe(uid) { $0.phase == .running }
      #expect(anew.reason == nil)
    }
  }

  @Test("is frozen, stays so when the node starts anew, and can be stopped") func freezes() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      var agent = try agent(node, uid, response: .freeze)
      try await node.apply(DesiredState(revision: 1, agents: [agent]))
      _ = try await node.observe(uid) { $0.phase == .running }
      try await attack(node, uid)
      let frozen = try await node.observe(uid) { $0.phase == .quarantined }
      #expect(frozen.reason?.contains("frozen in response to alert") == true)
      #expect(try await !isBeating(node, uid))
      unlink(node.layout.nodeSocket)
      try await NodeFixture.withService(node.configuration) {
        try await node.neighbours.startDetection(node.layout)
        let held = try await node.observe(uid) { $0.phase == .quarantined }
        #expect(held.reason == frozen.reason)
        #expect(try await !isBeating(node, uid))
        agent.wish = .stop
        agent.generation = 2
        try await node.apply(DesiredState(revision: 2, agents: [agent]))
        _ = try await node.observe(uid) { $0.phase == .stopped && $0.address == nil }
      }
    }
  }

  @Test("is cut off from its network and runs on to be looked at") func quarantines() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try agent(node, uid, response: .quarantine)]))
      let running = try await node.observe(uid) { $0.phase == .running }
      let interface = try #require(running.interface)
      #expect(if_nametoindex(interface) != 0)
      try await attack(node, uid)
      _ = try await node.observe(uid) { $0.phase == .quarantined }
      #expect(if_nametoindex(interface) == 0)
      #expect(try await isBeating(node, uid))
      #expect(try await node.exec(uid, "id", "-u").output == "10001\n")
      let table = "inet \(try NetworkIsolation(layout: node.layout, deniedDestinations: ["10.0.0.0/8"]).table.name)"
      try await Command("nft", ["delete table \(table)"]).check()
      // Longer than a read-back takes to come: it is not repaired, but the firewall is.
      try await Task.sleep(for: .seconds(12))
      let held = try await node.observe(uid) { _ in true }
      #expect(held.phase == .quarantined)
      #expect(held.layers.map(\.layer) == ["response"])
      #expect(if_nametoindex(interface) == 0)
      try await Command("nft", ["list table \(table)"]).check()
    }
  }

  @Test("is watched again by a sentinel that began anew") func watchedAgain() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try agent(node, uid, response: .freeze)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      try await node.neighbours.startDetection(node.layout)
      // What happens before the session is there again is not seen.
      let end = ContinuousClock.now + .seconds(20)
      var phase = AgentPhase.running
      while phase == .running, ContinuousClock.now < end {
        try await attack(node, uid)
        try await Task.sleep(for: .milliseconds(500))
        phase = try await node.observe(uid) { _ in true }.phase
      }
      #expect(phase == .quarantined)
    }
  }

  @Test("is stopped when nobody watches it any more") func unwatched() async throws {
    try await NodeFixture.with { node in
      let uid = AgentUID.random()
      try await node.apply(DesiredState(revision: 1, agents: [try agent(node, uid, response: .alert)]))
      _ = try await node.observe(uid) { $0.phase == .running }
      await node.neighbours.stopDetection()
      let stopped = try await node.observe(uid) { $0.phase != .running }
      // The next try to start it has reasons of its own.
      #expect(stopped.lastTermination?.contains("layer 'detection' was not enforced") == true)
      let refused = try await node.observe(uid) { $0.fault != nil }
      #expect(refused.fault?.reason.contains("the sentinel is not there") == true)
      try await node.neighbours.startDetection(node.layout)
      _ = try await node.observe(uid) { $0.phase == .running }
    }
  }
}
