import Faults
import Turns

/// The table as the node put it in force: what it is compared with later, also by the next node.
package struct InstalledTable: Codable, Hashable, Sendable {
  /// As the kernel lists them.
  let objects: [String]
  /// The kernel's numbers of them: what was taken away and put back has others.
  let handles: [Int]

  init(_ listing: TableListing) {
    objects = listing.objects
    handles = listing.handles
  }
}

/// The firewall was found open, and is whole again.
package struct FirewallBreach: Sendable {
  /// What was found, for an operator.
  package let reason: String
  /// The networks that were not behind it, and are cut off now.
  package let networks: [AgentNetwork]
}

/// Agents share one table: what is wrong with it concerns each of them, also one that starts or is changed meanwhile.
extension NetworkIsolation {
  /// Puts the table in force, in place of what an earlier node left.
  ///
  /// Whoever was not behind the table is cut off in the same transaction, which the kernel keeps in mind whatever becomes
  /// of the node: until the agent has a network anew, its layer is not enforced.
  ///
  /// - Parameter earlier: the table as that node put it in force; `nil` when that is not known.
  /// - Returns: The table, and who was without it.
  /// - Throws: `Fault(.conflict)` when somebody else uses the instance's addresses or names.
  @discardableResult
  package func install(after earlier: InstalledTable? = nil) async throws -> (InstalledTable, FirewallBreach?) {
    try await turn.take {
      try await refuseConflicts()
      return try await putInForce(after: earlier)
    }
  }

  /// What is wrong with the table or the service address; `nil` when they are as they were installed.
  ///
  /// - Throws: `Fault` when that cannot be read.
  package func fault() async throws -> String? { fault(inTable: try await readTwice()) }

  /// Makes the table whole that was found open.
  ///
  /// - Returns: As `install`.
  package func restore() async throws -> (InstalledTable, FirewallBreach?) {
    try await turn.take { try await putInForce(after: firewall.installed) }
  }

  /// Whether the table is whole and has the agent in it: if not, that is mended, and worth another try.
  package func isBehindFirewall(_ network: AgentNetwork) async -> Bool {
    guard let snapshot = try? await readTwice() else { return false }
    return fault(inTable: snapshot) == nil && fault(ofElementsOf: network, in: snapshot.table) == nil
  }

  private func putInForce(after earlier: InstalledTable?) async throws -> (InstalledTable, FirewallBreach?) {
    var expected = try await firewall.expected()
    let live = try await firewall.listing()
    if let live, live.objects != expected.objects { expected = try await firewall.expectedAnew() }
    let present = links.present()
    // Another version's table is as good as it was, for those whom it knew.
    let isAsLeft = live.map(InstalledTable.init) == earlier && earlier != nil
    let reason = isAsLeft ? nil : fault(of: live, expected: expected, installed: earlier)
    let open = reason == nil ? present.filter { fault(ofElementsOf: $0, in: live) != nil } : present
    if reason != nil || live?.objects != expected.objects {
      try await firewall.apply(table.replacing(agents: present, cutOff: open))
    } else if !open.isEmpty {
      try await firewall.apply(table.cuttingOff(open))
    }
    try await links.createService()
    guard let now = try await firewall.listing(), now.objects == expected.objects else {
      throw Fault(
        .unavailable, operation: "put nft table inet \(table.name) in force",
        reason: "somebody changed it meanwhile", remedy: "find who changes the machine's firewall; it is tried again")
    }
    let installed = InstalledTable(now)
    await firewall.remember(installed)
    guard let first = open.first else { return (installed, nil) }
    let why = reason ?? fault(ofElementsOf: first, in: live) ?? ""
    return (installed, FirewallBreach(reason: why, networks: open))
  }
}
