import AgentModel
import Foundation
import NetworkIsolation
import Testing

@Suite("A firewall that was open", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2)))
struct BreachTests {
  /// The table and its way back: by the node that goes on, or by one that begins.
  private func mend(_ instance: TestInstance, after earlier: InstalledTable?, asBeginner: Bool) async throws
    -> (InstalledTable, FirewallBreach?)
  {
    guard asBeginner else { return try await instance.isolation.restore() }
    return try await Self.another(instance).install(after: earlier)
  }

  private static func another(_ instance: TestInstance, denying more: [String] = []) throws -> NetworkIsolation {
    try NetworkIsolation(layout: instance.layout, deniedDestinations: TestInstance.deniedDestinations + more)
  }

  @Test(
    "comes back with every agent cut off until it has a network anew, also when the node ends half-way",
    arguments: ["delete table TABLE", "flush chain TABLE deny_host", "insert rule TABLE source accept"], [false, true])
  func shared(change: String, asBeginner: Bool) async throws {
    try await TestInstance.with { instance in
      let networks = [try await instance.attach(0), try await instance.attach(1)]
      let (installed, none) = try await instance.isolation.install()
      #expect(none == nil)
      #expect(try await instance.isolation.fault() == nil)
      try await instance.nft(change.replacing("TABLE", with: instance.table))
      let reason = try #require(try await instance.isolation.fault())
      #expect(reason.contains("is gone") || reason.contains("was changed"), "\(reason)")

      let (mended, breach) = try await mend(instance, after: installed, asBeginner: asBeginner)
      let found = try #require(breach)
      #expect(found.reasons == [0: reason, 1: reason])
      // A node that begins after one that got as far as this.
      let (_, again) = try await Self.another(instance).install(after: mended)
      #expect(again?.reasons.keys.sorted() == [0, 1])
      for network in networks {
        let status = await instance.isolation.readBack(network)
        #expect(status.state == .failed)
        #expect(asBeginner || status.evidence.contains("cut off"), "\(status.evidence)")
        try await instance.isolation.detach(network)
        try await instance.attach(network.slot)
      }
      let (_, last) = try await Self.another(instance).install(after: mended)
      #expect(last == nil)
    }
  }

  @Test("is what others may send as an agent, too, and every way back mends it", arguments: [false, true])
  func foreignSource(asBeginner: Bool) async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let (installed, _) = try await instance.isolation.install()
      try await instance.nft("add element \(instance.table) agent_sources { \"\(network.interface)\" . 1.2.3.4 }")
      #expect(try await instance.isolation.fault() != nil)
      let (_, breach) = try await mend(instance, after: installed, asBeginner: asBeginner)
      #expect(breach?.reasons.keys.sorted() == [0])
      let (_, again) = try await instance.isolation.restore()
      #expect(again == nil || asBeginner, "it is told once")
      try await instance.attach(0)
      #expect(await instance.status(network) == .enforced)
    }
  }

  @Test("lets nothing of an agent that is cut off pass, not even to the resolver") func closed() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let listener = await Probe.listen()
      defer { close(listener.descriptor) }
      func connects() async -> Bool {
        await Probe.connects(from: network.namespacePath, to: network.hostAddress, port: listener.port)
      }
      #expect(await !connects())
      #expect(try await instance.count("host") > 0, "it comes as far as the rules")
      try await instance.nft("delete table \(instance.table)")
      #expect(await connects(), "the probe works without the table")
      _ = try await instance.isolation.restore()
      #expect(await !connects())
      let (host, spoof) = (try await instance.count("host"), try await instance.count("spoof"))
      #expect(host == 0 && spoof == 0, "it is dropped before")
    }
  }

  @Test("is found also when it was taken away and put back as it was", arguments: [false, true])
  func putBack(asBeginner: Bool) async throws {
    try await TestInstance.with { instance in
      try await instance.attach(0)
      let (installed, _) = try await instance.isolation.install()
      let listing = try await instance.nft("list table \(instance.table)")
      try await instance.nft("delete table \(instance.table)\n\(listing)")
      #expect(try await instance.isolation.fault()?.contains("put back") == true)
      let (_, breach) = try await mend(instance, after: installed, asBeginner: asBeginner)
      #expect(breach?.reasons.keys.sorted() == [0])
      if !asBeginner { #expect(try await instance.isolation.fault() == nil) }
    }
  }

  @Test("is told from one that another version put in force") func anotherVersion() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let (installed, _) = try await instance.isolation.install()
      let newer = try Self.another(instance, denying: ["198.51.100.0/24"])
      let (renewed, breach) = try await newer.install(after: installed)
      #expect(breach == nil && renewed != installed)
      #expect(await newer.readBack(network).state == .enforced)
      // Changed while none ran, or not known: then it has to be this version's own.
      try await instance.nft("flush set \(instance.table) denied_destinations")
      let newest = try Self.another(instance, denying: ["203.0.113.0/24"])
      let (_, changed) = try await newest.install(after: renewed)
      #expect(changed?.reasons.keys.sorted() == [0])
      try await newest.detach(network)
      try await instance.attach(0)
      let (_, unknown) = try await newer.install()
      #expect(unknown?.reasons.keys.sorted() == [0])
    }
  }

  @Test("concerns one agent alone when its elements were changed while no node ran") func elements() async throws {
    try await TestInstance.with { instance in
      let networks = [try await instance.attach(0), try await instance.attach(1)]
      let (installed, _) = try await instance.isolation.install()
      try await instance.nft("delete element \(instance.table) agent_interfaces { \"\(networks[1].interface)\" }")
      let (same, breach) = try await Self.another(instance).install(after: installed)
      #expect(breach?.reasons.keys.sorted() == [1] && same == installed)
      #expect(await instance.status(networks[0]) == .enforced)
      #expect(await instance.status(networks[1]) == .failed)
    }
  }

  @Test("is restored also when there is no agent, which is nobody's breach") func nobody() async throws {
    try await TestInstance.with { instance in
      try await instance.nft("delete table \(instance.table)")
      #expect(try await instance.isolation.restore().1 == nil)
      #expect(try await instance.isolation.fault() == nil)
    }
  }

  @Test("is known from what was written down") func record() async throws {
    try await TestInstance.with { instance in
      let (installed, _) = try await instance.isolation.install()
      #expect(try JSONDecoder().decode(InstalledTable.self, from: JSONEncoder().encode(installed)) == installed)
    }
  }
}
