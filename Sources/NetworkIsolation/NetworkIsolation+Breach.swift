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
  /// For each slot that was not behind it, and is cut off now, what was found, for an operator.
  package let reasons: [Int: String]

  package init(reasons: [Int: String]) { self.reasons = reasons }
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
      return try await putInForce(after: earlier, includingKnown: true)
    }
  }

  /// What is wrong with the table, its elements or the service address; `nil` when they are as they were installed.
  ///
  /// It may also be of an agent that gets its network in this moment; `restore` looks again when that is over.
  ///
  /// - Throws: `Fault` when that cannot be read.
  package func fault() async throws -> String? {
    let snapshot = try await readTwice()
    if let fault = fault(inTable: snapshot) { return fault }
    let known = links.present().filter { snapshot.table?.cutOff.contains($0.interface) == false }
    return known.lazy.compactMap { fault(ofElementsOf: $0, in: snapshot.table) }.first
  }

  /// Makes the table whole that was found open.
  ///
  /// - Returns: As `install`; without those that were cut off already.
  package func restore() async throws -> (InstalledTable, FirewallBreach?) {
    try await turn.take { try await putInForce(after: firewall.installed, includingKnown: false) }
  }

  /// Whether the table is whole and has the agent in it: if not, that is mended, and worth another try.
  package func isBehindFirewall(_ network: AgentNetwork) async -> Bool {
    guard let snapshot = try? await readTwice() else { return false }
    return fault(inTable: snapshot) == nil && fault(ofElementsOf: network, in: snapshot.table) == nil
  }

  /// - Parameter includingKnown: whether those that were cut off before count as found.
  private func putInForce(after earlier: InstalledTable?, includingKnown: Bool) async throws
    -> (InstalledTable, FirewallBreach?)
  {
    try await links.createService()
    let live = try await firewall.listing()
    let expected = try await firewall.expected(for: live)
    let present = links.present()
    // Another version's table is as good as it was, for those whom it knew.
    let isAsLeft = live.map(InstalledTable.init) == earlier && earlier != nil
    let shared = isAsLeft ? foreignSource(in: live) : fault(of: live, expected: expected, installed: earlier)
    let open = present.filter { shared != nil || fault(ofElementsOf: $0, in: live) != nil }
    let isReplaced = shared != nil || live?.objects != expected.objects
    if isReplaced {
      try await firewall.apply(table.replacing(agents: present, cutOff: open))
    } else if !open.isEmpty {
      try await firewall.apply(table.cuttingOff(open))
    }
    guard let now = try await firewall.listing(), now.objects == expected.objects,
      isReplaced || now.handles == live?.handles, now.cutOff.isSuperset(of: open.map(\.interface))
    else {
      throw Fault(
        .unavailable, operation: "put nft table inet \(table.name) in force",
        reason: "somebody changed it meanwhile", remedy: "find who changes the machine's firewall; it is tried again")
    }
    let installed = InstalledTable(now)
    await firewall.remember(installed)
    let found = open.filter { shared != nil || includingKnown || live?.cutOff.contains($0.interface) != true }
    let reasons = found.map { ($0.slot, shared ?? fault(ofElementsOf: $0, in: live) ?? "") }
    return (installed, found.isEmpty ? nil : FirewallBreach(reasons: Dictionary(reasons) { first, _ in first }))
  }
}
