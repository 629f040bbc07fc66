import AgentModel
import NetworkIsolation
import Testing

/// A change that an intruder with root, or a careless operator, could make.
enum Tampering: String, CaseIterable, Sendable {
  case ruleDeleted, ruleAdded, chainFlushed, rulesReordered, tableDormant, tableDeleted, interfaceElementDeleted
  case sourceElementAdded, deniedDestinationsFlushed, policyChanged, ipv6On, reversePathOff, addressAdded
  case interfaceDeleted, interfaceDown, namespaceDeleted

  func commit(_ instance: TestInstance, _ network: AgentNetwork) async throws {
    let table = instance.table
    switch self {
    case .ruleDeleted:
      let listing = try await instance.nft("list chain \(table) input")
      #expect(listing.contains("goto from_agent"))
      try await instance.nft("delete rule \(table) input handle \(try await handle(instance, "input"))")
    case .ruleAdded: try await instance.nft("insert rule \(table) source accept")
    case .chainFlushed: try await instance.nft("flush chain \(table) deny_host")
    case .rulesReordered:
      try await instance.nft(
        "flush chain \(table) deny_spoof\nadd rule \(table) deny_spoof counter name spoof drop")
    case .tableDormant: try await instance.nft("add table \(table) { flags dormant; }")
    case .tableDeleted: try await instance.nft("delete table \(table)")
    case .interfaceElementDeleted:
      try await instance.nft("delete element \(table) agent_interfaces { \"\(network.interface)\" }")
    case .sourceElementAdded:
      try await instance.nft("add element \(table) agent_sources { \"\(network.interface)\" . 1.2.3.4 }")
    case .deniedDestinationsFlushed: try await instance.nft("flush set \(table) denied_destinations")
    case .policyChanged: try await instance.nft("add chain \(table) output { policy drop; }")
    case .ipv6On: try set("ipv6/conf/\(network.interface)/disable_ipv6", "0")
    case .reversePathOff: try set("ipv4/conf/\(network.interface)/rp_filter", "0")
    case .addressAdded: try await ip("addr add 203.0.113.7/32 dev \(network.interface)")
    case .interfaceDeleted: try await ip("link del \(network.interface)")
    case .interfaceDown: try await ip("link set \(network.interface) down")
    case .namespaceDeleted: try await ip("netns del \(network.namespace)")
    }
  }

  private func handle(_ instance: TestInstance, _ chain: String) async throws -> String {
    let listing = try await nftWithHandles("list chain \(instance.table) \(chain)")
    let line = listing.split(separator: "\n").first { $0.contains("goto") }
    return try #require(line?.split(separator: " ").last.map(String.init))
  }
}

@Suite("The read-back", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2)))
struct TamperingTests {
  @Test("finds a change, and the change can be mended", arguments: Tampering.allCases)
  func finds(tampering: Tampering) async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      #expect(await instance.status(network) == .enforced)
      try await tampering.commit(instance, network)
      #expect(await instance.status(network) == .failed)

      try await instance.isolation.install()
      try await instance.isolation.detach(network)
      try await instance.attach(0)
      let status = await instance.isolation.readBack(network)
      #expect(status.state == .enforced, "\(status.evidence)")
    }
  }

  @Test("asks the kernel once for many agents that ask at the same time")
  func shared() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let states = await withTaskGroup(of: LayerStatus.State.self) { group in
        for _ in 0..<200 { group.addTask { await instance.status(network) } }
        return await group.reduce(into: Set()) { $0.insert($1) }
      }
      #expect(states == [.enforced])
    }
  }
}
