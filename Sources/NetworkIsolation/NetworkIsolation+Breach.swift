/// The objects of a table that was put in force, as the kernel lists them: what a later node compares with.
package struct InstalledTable: Codable, Hashable, Sendable {
  let objects: [String]
}

/// The firewall was found open.
package struct FirewallBreach: Sendable {
  /// What was found, for an operator.
  package let reason: String
  /// The networks that were not behind it.
  package let networks: [AgentNetwork]
}

/// Agents share one table: what is wrong with it concerns each of them, also one that starts or is changed meanwhile.
extension NetworkIsolation {
  /// Whether the table and the service address are as they were installed, and who was without them if not.
  package func breach() async throws -> FirewallBreach? {
    let snapshot = try await readTwice()
    return fault(inTable: snapshot).map { FirewallBreach(reason: $0, networks: links.present()) }
  }

  /// The same for what an earlier node left.
  ///
  /// - Parameter installed: the table as that node put it in force; another version's differs from this one's.
  package func breach(since installed: InstalledTable?) async throws -> FirewallBreach? {
    let snapshot = try await readTwice()
    let present = links.present().filter(links.exists(interface:))
    if snapshot.table.map({ $0.objects != installed?.objects }) ?? true, let reason = fault(inTable: snapshot) {
      return present.isEmpty ? nil : FirewallBreach(reason: reason, networks: present)
    }
    let open = present.filter { fault(ofElementsOf: $0, in: snapshot.table) != nil }
    return open.first.flatMap { fault(ofElementsOf: $0, in: snapshot.table) }
      .map { FirewallBreach(reason: $0, networks: open) }
  }

  /// Cuts off who was not behind the firewall.
  ///
  /// The kernel keeps that whatever becomes of the node: an interface that is down is a layer that is not enforced, and
  /// is taken up with a new sandbox only.
  ///
  /// - Throws: `Fault(.failed)` when an interface could not be taken down; all others are.
  package func cutOff(_ breach: FirewallBreach) throws { try links.lower(breach.networks) }
}
