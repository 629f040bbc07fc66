import AgentModel

/// The names that one agent may resolve, for look-ups whose cost does not grow with their number.
package struct AllowedNames: Hashable, Sendable {
  /// Labels of the longest name that a wildcard can stand before (`HostPattern`).
  private static let mostLabels = 16

  private var exact: Set<DomainName> = []
  /// Names of which every name below is allowed, and not they themselves; in their form as the end of a longer one.
  private var above: Set<ArraySlice<UInt8>> = []

  init(hosts: [HostPattern], names: [InternalName]) {
    for host in hosts {
      let name = DomainName(text: host.name)
      if host.isWildcard { above.insert(name.bytes) } else { exact.insert(name) }
    }
    for name in names { exact.insert(DomainName(text: name.description)) }
  }

  /// - Parameter egress: what is open for the agent now.
  package init(egress: [EgressAllowance]) {
    self.init(hosts: egress.openHosts, names: egress.internalNames)
  }

  func contains(_ name: DomainName) -> Bool {
    if exact.contains(name) { return true }
    guard !above.isEmpty else { return false }
    var endings: [Int] = []
    var place = name.bytes.startIndex
    while name.bytes[place] > 0 {
      place += 1 + Int(name.bytes[place])
      endings.append(place)
    }
    // Without the first label, and the root, which no wildcard covers.
    return endings.dropLast().suffix(Self.mostLabels).contains { above.contains(name.bytes[$0...]) }
  }
}

/// What an agent's document opens, as names: the same on one machine and on a cluster.
extension [EgressAllowance] {
  /// Hosts whose TLS passes through.
  var openHosts: [HostPattern] { filter { $0.credential == nil }.map(\.host) }

  /// The platform's API, and the hosts that a proxy speaks to in the agent's place.
  var internalNames: [InternalName] {
    let credentialed = filter { $0.credential != nil }.map { "\($0.host).\(HostPattern.internalSuffix)" }
    return (["api.\(HostPattern.internalSuffix)"] + credentialed).compactMap(InternalName.init)
  }
}
