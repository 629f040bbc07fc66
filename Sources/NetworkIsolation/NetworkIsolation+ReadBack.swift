import AgentModel
import Faults

extension NetworkIsolation {
  /// Proves from the kernel that the agent's network is closed; cheap for many callers at once.
  package func readBack(_ network: AgentNetwork) async -> LayerStatus {
    let statuses = await readBackAll([network])
    return statuses[network.slot] ?? Self.failed("the read-back gave no answer")
  }

  /// Proves from the kernel, asked once, that the agents' networks are closed.
  ///
  /// - Returns: The status of layer `network` for each slot.
  package func readBackAll(_ networks: [AgentNetwork]) async -> [Int: LayerStatus] {
    do {
      let snapshot = try await readTwice()
      let tableFault = fault(inTable: snapshot)
      return Dictionary(
        networks.map { network in
          if let fault = tableFault ?? fault(of: network, in: snapshot) { return (network.slot, Self.failed(fault)) }
          return (
            network.slot, LayerStatus(layer: "network", state: .enforced, evidence: evidence(network, snapshot))
          )
        }, uniquingKeysWith: { first, _ in first })
    } catch {
      return Dictionary(
        networks.map { ($0.slot, Self.failed("it could not be read back: \(error)")) },
        uniquingKeysWith: { first, _ in first })
    }
  }

  /// Tries a second time: a busy moment of the machine must not look like a broken firewall, which ends agents.
  func readTwice() async throws -> NetworkSnapshot {
    do { return try await snapshots.read() } catch is Fault { return try await snapshots.read() }
  }

  private static func failed(_ evidence: String) -> LayerStatus {
    LayerStatus(layer: "network", state: .failed, evidence: evidence)
  }

  func fault(inTable snapshot: NetworkSnapshot) -> String? {
    if let fault = fault(of: snapshot.table, expected: snapshot.expected, installed: snapshot.installed) {
      return fault
    }
    let service = snapshot.links[plan.serviceInterface]
    guard service?.addresses?.contains(where: { $0.local == plan.serviceAddress }) == true else {
      return "interface \(plan.serviceInterface) with the service address \(plan.serviceAddress) is gone"
    }
    return nil
  }

  private func isOurs(_ source: String) -> Bool {
    let interface = source.split(separator: " ").first.map(String.init) ?? ""
    guard let slot = plan.slot(interface: interface), let network = try? plan.network(slot: slot) else { return false }
    return source == "\(interface) \(network.agentAddress)"
  }

  /// - Parameter installed: `nil` when it is not known; then a table that looks as it ought to is believed.
  func fault(of live: TableListing?, expected: TableListing, installed: InstalledTable?) -> String? {
    guard let live else { return "nft table inet \(table.name) is gone" }
    if let difference = live.difference(from: expected) {
      return "nft table inet \(table.name) was changed: \(difference)"
    }
    if let installed, installed.handles != live.handles {
      return "nft table inet \(table.name) was taken away or changed, and put back"
    }
    return foreignSource(in: live)
  }

  /// What an agent could send as that is not its own address.
  func foreignSource(in table: TableListing?) -> String? {
    table?.sources.first { !isOurs($0) }.map { "set \(FirewallTable.sourcesSet) has '\($0)', which is no agent's" }
  }

  private func fault(of network: AgentNetwork, in snapshot: NetworkSnapshot) -> String? {
    let name = network.interface
    if let fault = fault(ofElementsOf: network, in: snapshot.table) { return fault }
    guard let id = snapshot.namespaces[network.namespace] else { return "netns \(network.namespace) is gone" }
    guard let link = snapshot.links[name] else { return "interface \(name) is gone" }
    guard link.linkNamespace == network.namespace || (id != nil && link.linkNamespaceID == id) else {
      return "the other end of \(name) is not in netns \(network.namespace)"
    }
    guard link.flags.contains("UP") else { return "interface \(name) is down" }
    let addresses = (link.addresses ?? []).map { "\($0.local ?? "?")/\($0.prefixlen ?? -1)" }
    guard addresses == ["\(network.hostAddress)/30"] else {
      return "interface \(name) has the addresses \(addresses), not just \(network.hostAddress)/30"
    }
    for (family, setting, value) in [("ipv6", "disable_ipv6", "1"), ("ipv4", "rp_filter", "1")] {
      // Absent only where the kernel has no IPv6 at all.
      guard let current = links.setting(family, setting, of: name) else { continue }
      guard current == value else { return "\(setting) of \(name) is \(current), not \(value)" }
    }
    return nil
  }

  /// What is wrong with how the table knows the agent.
  func fault(ofElementsOf network: AgentNetwork, in table: TableListing?) -> String? {
    let name = network.interface
    guard let table, table.interfaces.contains(name) else {
      return "\(name) is not in set \(FirewallTable.interfacesSet)"
    }
    guard !table.cutOff.contains(name) else { return "\(name) is cut off, because it was without the firewall" }
    let sources = table.sources.filter { $0.hasPrefix("\(name) ") }
    guard sources == ["\(name) \(network.agentAddress)"] else {
      return "set \(FirewallTable.sourcesSet) has \(sources.sorted()) for \(name), not just \(network.agentAddress)"
    }
    return nil
  }

  private func evidence(_ network: AgentNetwork, _ snapshot: NetworkSnapshot) -> String {
    "nft table inet \(table.name): \(snapshot.expected.chains) chains, \(snapshot.expected.rules) rules match; "
      + "\(network.interface) in \(FirewallTable.interfacesSet), may send as \(network.agentAddress) only; "
      + "netns \(network.namespace) joined to it; IPv6 off"
  }
}
