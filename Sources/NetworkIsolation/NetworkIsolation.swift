import AgentModel
import Documents
import Faults
import Turns

/// Gives each agent a network of its own and keeps it closed.
///
/// Every method works towards a state and may be called again. What an agent's packets meet is the instance's
/// `FirewallTable`; an agent's interface is taken up only after the table knows it.
package struct NetworkIsolation: Sendable {
  package let plan: AddressPlan
  package let table: FirewallTable
  let firewall: Firewall
  let links: HostLinks
  let turn = Turn()
  let snapshots: SnapshotReader

  /// - Parameters:
  ///   - layout: names the instance.
  ///   - deniedDestinations: the ranges that no policy may open, in CIDR notation, from the platform's policy.
  ///   - resolvers: addresses of the DNS servers that the node proxy may ask.
  /// - Throws: `Fault(.invalid)` for a list that is empty or has an entry that is not a range.
  package init(layout: InstanceLayout, deniedDestinations: [String], resolvers: [String] = []) throws {
    plan = AddressPlan(layout: layout)
    table = try FirewallTable(layout: layout, deniedDestinations: deniedDestinations, resolvers: resolvers)
    firewall = Firewall(table: table)
    links = HostLinks(plan: plan)
    snapshots = SnapshotReader(firewall: firewall)
  }

  /// - Throws: `Fault(.exhausted)` for a slot outside the plan.
  package func network(slot: Int) throws -> AgentNetwork { try plan.network(slot: slot) }

  /// Makes the agent's network, closed as its policies say.
  ///
  /// What is there already is kept when it is this agent's, else made anew. When it fails, nothing of the network is
  /// left.
  ///
  /// - Throws: `Fault(.denied)` or `Fault(.unsupported)` for policies that do not close the agent's network;
  ///   `Fault(.unavailable)` when the table is gone; `Fault(.failed)` when the kernel refuses.
  package func attach(
    _ network: AgentNetwork, agent: AgentID, labels: [String: String], policies: [NetworkPolicy]
  ) async throws {
    switch try allowedFlows(agent: agent, labels: labels, policies: policies) {
    case .none: break
    }
    do {
      try await turn.take {
        // The new interface stays down until the table has its elements.
        async let elements: Void = addElements(network, agent)
        async let pair: Void = makeLinks(network, agent: agent)
        _ = try await (elements, pair)
      }
      try await links.configureAgentEnd(network)
      try links.raise(network)
    } catch {
      let failure = error
      // Not a child task: the caller may have been cancelled, and the undoing must run all the same.
      let undoing = Task { try await detach(network) }
      do {
        try await undoing.value
      } catch {
        throw Fault(
          .unavailable, operation: "attach the network of agent \(agent)",
          reason: "it failed half-way and could not be undone (\(error))",
          remedy: "restart the node, which removes leftovers", cause: failure)
      }
      throw failure
    }
  }

  /// Gives the agent's end its address and route again: runsc takes them away at each start of a sandbox.
  package func refresh(_ network: AgentNetwork) async throws {
    try await links.configureAgentEnd(network)
  }

  /// Removes the agent's network, whatever is left of it.
  package func detach(_ network: AgentNetwork) async throws {
    try await remove([network])
  }

  /// Removes what is there of the instance's networks but those of `slots`.
  ///
  /// - Returns: What it removed, for the log.
  package func reclaim(keeping slots: Set<Int>) async throws -> [String] {
    let leftovers = links.present().filter { !slots.contains($0.slot) }
    try await remove(leftovers)
    guard let listing = try await firewall.listing() else { return leftovers.map(Self.describe) }
    let stale = listing.interfaces.compactMap { plan.slot(interface: $0) }.filter { !slots.contains($0) }
    let networks = stale.compactMap { try? plan.network(slot: $0) }  // slots of the plan, by construction
    try await remove(networks)
    return leftovers.map(Self.describe)
      + networks.map { "elements of \($0.interface) in nft table inet \(table.name)" }
  }

  /// Removes every network of the instance, then the table.
  package func uninstall() async throws {
    try await turn.take {
      try await links.remove(links.present())
      try await links.removeService()
      try await firewall.apply(table.removal)
    }
  }

  private func remove(_ networks: [AgentNetwork]) async throws {
    guard !networks.isEmpty else { return }
    try await turn.take {
      // The links first: as long as there is an interface it stays among the closed ones.
      try await links.remove(networks)
      do {
        try await firewall.apply(table.removing(networks))
      } catch {
        // Without a table there are no elements to remove.
        guard try await !firewall.isThere() else { throw error }
      }
    }
  }

  /// - Throws: `Fault(.unavailable)`: a table that takes no elements is not as it was installed, and is restored.
  private func addElements(_ network: AgentNetwork, _ agent: AgentID) async throws {
    do { try await firewall.apply(table.adding([network])) } catch {
      throw Fault(
        .unavailable, operation: "attach the network of agent \(agent)",
        reason: "nft table inet \(table.name) does not take its elements",
        remedy: "the node restores the table within seconds and tries again", cause: error)
    }
  }

  private func makeLinks(_ network: AgentNetwork, agent: AgentID) async throws {
    if links.exists(interface: network), links.exists(namespace: network),
      links.alias(of: network.interface) == links.alias(agent)
    {
      return
    }
    try await links.remove([network])
    try await links.create(network, agent: agent)
  }

  private static func describe(_ network: AgentNetwork) -> String {
    "network namespace \(network.namespace) with interface \(network.interface)"
  }
}
