import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation
import NetworkIsolation
import Testing

@Suite("An agent's network", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2)))
struct IsolationTests {
  @Test("is enforced once attached, and gone once detached; both may be repeated")
  func lifecycle() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let status = await instance.isolation.readBack(network)
      #expect(status.state == .enforced, "\(status.evidence)")
      #expect(status.evidence.contains("\(network.interface) in agent_interfaces"))
      #expect(try await ip("-br link show \(network.interface)").contains("UP"))

      try await instance.attach(0)
      try await instance.isolation.install()
      #expect(await instance.status(network) == .enforced)

      try await instance.isolation.detach(network)
      try await instance.isolation.detach(network)
      #expect(await instance.status(network) == .failed)
      #expect(!FileManager.default.fileExists(atPath: network.namespacePath))
      #expect(try await !instance.nft("list table \(instance.table)").contains(network.interface))
    }
  }

  @Test("gets its address back after runsc took it away")
  func refresh() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(7)
      try await ip("-n \(network.namespace) addr flush dev eth0")
      try await instance.isolation.refresh(network)
      try await instance.isolation.refresh(network)
      #expect(try await ip("-n \(network.namespace) -4 addr show dev eth0").contains("\(network.agentAddress)/30"))
      #expect(try await ip("-n \(network.namespace) route").contains("default via \(network.hostAddress)"))
      #expect(try await ip("-n \(network.namespace) link show lo").contains("UP"))
    }
  }

  @Test("is made anew when another agent's is in its place")
  func anotherAgents() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0, name: "first")
      try await ip("-n \(network.namespace) addr add 203.0.113.9/32 dev eth0")
      try await instance.attach(0, name: "second")
      #expect(try await !ip("-n \(network.namespace) addr").contains("203.0.113.9"))
      #expect(try await ip("link show \(network.interface)").contains("acme/second0"))
      #expect(await instance.status(network) == .enforced)
    }
  }

  @Test("is not made without a table, and nothing is left of the attempt")
  func withoutTable() async throws {
    try await TestInstance.with { instance in
      try await instance.nft("delete table \(instance.table)")
      let network = try instance.isolation.network(slot: 0)
      await #expect(throws: Fault.self) { try await instance.attach(0) }
      #expect(!FileManager.default.fileExists(atPath: network.namespacePath))
      #expect(!FileManager.default.fileExists(atPath: "/sys/class/net/\(network.interface)"))
    }
  }

  @Test("is removed when the attempt to make it is cancelled")
  func cancelled() async throws {
    try await TestInstance.with { instance in
      for delay in [0, 2, 4, 6, 8, 10, 12] {
        let network = try instance.isolation.network(slot: delay)
        let attempt = Task { try await instance.attach(delay) }
        try await Task.sleep(for: .milliseconds(delay))
        attempt.cancel()
        if case .failure = await attempt.result {
          #expect(!FileManager.default.fileExists(atPath: network.namespacePath))
          #expect(!FileManager.default.fileExists(atPath: "/sys/class/net/\(network.interface)"))
        }
      }
    }
  }

  @Test("is not attached under policies that do not close it")
  func openPolicies() async throws {
    try await TestInstance.with { instance in
      let network = try instance.isolation.network(slot: 0)
      let agent = try #require(AgentID("acme/bot"))
      await #expect(throws: Fault.self) {
        try await instance.isolation.attach(network, agent: agent, labels: [:], policies: [])
      }
      #expect(!FileManager.default.fileExists(atPath: network.namespacePath))
    }
  }

  @Test("is detached when only half of it is there")
  func halfThere() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      try await ip("link del \(network.interface)")
      try await instance.isolation.detach(network)
      #expect(!FileManager.default.fileExists(atPath: network.namespacePath))

      try await instance.attach(0)
      try await ip("netns del \(network.namespace)")
      try await instance.isolation.detach(network)
      #expect(!FileManager.default.fileExists(atPath: "/sys/class/net/\(network.interface)"))
    }
  }

  @Test("is known to a damaged table that is put in force again, and cut off")
  func reinstall() async throws {
    try await TestInstance.with { instance in
      let networks = [try await instance.attach(0), try await instance.attach(1)]
      try await instance.nft("flush table \(instance.table)")
      try await instance.isolation.install()
      let statuses = await instance.isolation.readBackAll(networks)
      #expect(statuses.count == 2 && statuses.values.allSatisfy { $0.evidence.contains("is cut off") })
    }
  }

  @Test("is reclaimed when nobody claims it")
  func reclaim() async throws {
    try await TestInstance.with { instance in
      let kept = try await instance.attach(0)
      try await instance.attach(1)
      let half = try await instance.attach(2)
      try await ip("link del \(half.interface)")
      let removed = try await instance.isolation.reclaim(keeping: [0])
      #expect(removed.count == 2, "\(removed)")
      #expect(await instance.status(kept) == .enforced)
      #expect(try await instance.isolation.reclaim(keeping: [0]).isEmpty)
    }
  }

  @Test("does not know another instance's")
  func sideBySide() async throws {
    try await TestInstance.with { one in
      try await TestInstance.with { other in
        let mine = try await one.attach(0)
        let theirs = try await other.attach(0)
        #expect(await one.status(mine) == .enforced)
        #expect(await other.status(theirs) == .enforced)
        try await one.isolation.uninstall()
        #expect(await other.status(theirs) == .enforced)
        #expect(await one.status(mine) == .failed)
        try await one.isolation.uninstall()
      }
    }
  }

  @Test("is refused where somebody else uses the instance's range")
  func conflict() async throws {
    try await TestInstance.with { instance in
      let address = try instance.isolation.network(slot: 9).agentAddress
      try await withInterface(address: address) { interface in
        let fault = await #expect(throws: Fault.self) { try await instance.isolation.install() }
        #expect(fault?.code == .conflict && fault?.reason.contains(interface) == true, "\(String(describing: fault))")
      }
      try await instance.isolation.install()
    }
  }
}
