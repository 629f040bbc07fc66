import AgentModel
import ChildProcess

extension AddressPlan {
  /// What the machine already has where the instance's agents would have their addresses.
  ///
  /// - Returns: another instance with the same block, or a route inside or around it, in words; `nil` for none.
  /// - Throws: `Fault` when the routes cannot be read.
  package func conflict() async throws -> String? {
    // Whoever is not root cannot read them. The node can, and refuses what is in its way.
    let tables = try? await Command("nft", ["list", "tables", "inet"]).check(timeout: .seconds(5))
    if let other = conflict(tables: tables ?? "") { return "instance \(other), whose firewall is there" }
    let routes = try await Command("ip", ["-4", "route", "show"]).check(timeout: .seconds(5))
    return conflict(routes: routes).map { "the route '\($0)'" }
  }

  /// - Parameter tables: lines of `nft list tables inet`.
  /// - Returns: the first other instance that has the same block and a firewall.
  package func conflict(tables: String) -> InstanceName? {
    tables.split(separator: "\n").compactMap { line in
      line.split(separator: " ").last.flatMap { FirewallTable.instance(ofTable: String($0)) }
    }.first { $0 != instance && AddressPlan(layout: InstanceLayout(instance: $0)).subnet == subnet }
  }

  /// - Parameter routes: lines of `ip -4 route show`.
  /// - Returns: the first that is not to one of the plan's own agents.
  package func conflict(routes: String) -> String? {
    for line in routes.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      guard let destination = words.first, destination != "default",
        let block = CIDR(destination) ?? CIDR("\(destination)/32"),
        block.contains(subnet) || subnet.contains(block)
      else { continue }
      if let device = words.firstIndex(of: "dev"), device + 1 < words.count,
        slot(interface: words[device + 1]) != nil
      {
        continue
      }
      return words.joined(separator: " ")
    }
    return nil
  }
}
