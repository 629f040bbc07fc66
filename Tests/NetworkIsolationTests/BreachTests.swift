import AgentModel
import Foundation
import NetworkIsolation
import Testing

@Suite("A firewall that was open", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2)))
struct BreachTests {
  /// What a node that is running, or one that begins, finds.
  private func breach(_ instance: TestInstance, since installed: InstalledTable?, asBeginner: Bool) async throws
    -> FirewallBreach?
  {
    asBeginner ? try await instance.isolation.breach(since: installed) : try await instance.isolation.breach()
  }

  @Test(
    "cuts every agent off until it has a network anew, also when the node ends half-way",
    arguments: ["delete table TABLE", "flush chain TABLE deny_host", "insert rule TABLE source accept"], [false, true])
  func shared(change: String, asBeginner: Bool) async throws {
    try await TestInstance.with { instance in
      let networks = [try await instance.attach(0), try await instance.attach(1)]
      let installed = try await instance.isolation.install()
      #expect(try await breach(instance, since: installed, asBeginner: asBeginner) == nil)
      try await instance.nft(change.replacing("TABLE", with: instance.table))
      let found = try #require(try await breach(instance, since: installed, asBeginner: asBeginner))
      #expect(found.networks.map(\.slot) == [0, 1])
      #expect(found.reason.contains("is gone") || found.reason.contains("was changed"), "\(found.reason)")

      try instance.isolation.cutOff(found)
      try await instance.isolation.install()
      // A node that begins after one that got as far as this.
      #expect(try await instance.isolation.breach(since: installed) == nil)
      for network in networks {
        let status = await instance.isolation.readBack(network)
        #expect(status.state == .failed && status.evidence == "interface \(network.interface) is down")
        try await instance.isolation.detach(network)
        try await instance.attach(network.slot)
        #expect(await instance.status(network) == .enforced)
      }
    }
  }

  @Test("is told from one that another version put in force") func anotherVersion() async throws {
    try await TestInstance.with { instance in
      try await instance.attach(0)
      let installed = try await instance.isolation.install()
      let newer = try NetworkIsolation(layout: instance.layout, deniedDestinations: ["10.0.0.0/8", "198.51.100.0/24"])
      #expect(try await newer.breach(since: installed) == nil)
      // What the earlier one left is not known: then it has to be this version's own.
      #expect(try await newer.breach(since: nil)?.networks.map(\.slot) == [0])
      try await instance.nft("flush set \(instance.table) denied_destinations")
      #expect(try await newer.breach(since: installed)?.networks.map(\.slot) == [0])
    }
  }

  @Test("concerns one agent alone when its elements were changed while no node ran") func elements() async throws {
    try await TestInstance.with { instance in
      let networks = [try await instance.attach(0), try await instance.attach(1)]
      let installed = try await instance.isolation.install()
      try await instance.nft("delete element \(instance.table) agent_interfaces { \"\(networks[1].interface)\" }")
      let found = try #require(try await instance.isolation.breach(since: installed))
      #expect(found.networks.map(\.slot) == [1])
      try instance.isolation.cutOff(found)
      try await instance.isolation.install()
      #expect(await instance.status(networks[0]) == .enforced)
      #expect(await instance.status(networks[1]) == .failed)
    }
  }

  @Test("is restored also when there is no agent, which is nobody's breach") func nobody() async throws {
    try await TestInstance.with { instance in
      let installed = try await instance.isolation.install()
      try await instance.nft("delete table \(instance.table)")
      #expect(try await instance.isolation.breach()?.networks.isEmpty == true)
      #expect(try await instance.isolation.breach(since: installed) == nil)
      try await instance.isolation.install()
      #expect(try await instance.isolation.breach() == nil)
    }
  }

  @Test("is known from what was written down") func record() async throws {
    try await TestInstance.with { instance in
      let installed = try await instance.isolation.install()
      #expect(try JSONDecoder().decode(InstalledTable.self, from: JSONEncoder().encode(installed)) == installed)
    }
  }
}
