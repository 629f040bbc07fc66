import AgentModel
import ChildProcess
import Documents
import Faults
import Foundation

/// Keeps the agents of one instance apart from everything: one nftables table, a namespace and a veth pair an agent.
package struct NetworkIsolation: Sendable {
  package let plan: AddressPlan
  private let table: FirewallTable
  private static let guestInterface = "eth0"

  /// - Parameter deniedDestinations: CIDR blocks that may never be opened, from the policy.
  /// - Throws: `Fault(.invalid)` for a destination that is no CIDR block.
  package init(layout: InstanceLayout, deniedDestinations: [String]) throws {
    plan = AddressPlan(layout: layout)
    table = try FirewallTable(plan: plan, deniedDestinations: deniedDestinations)
  }

  package func network(slot: Int) throws -> AgentNetwork { try plan.network(slot: slot) }

  /// Puts the table in place as one transaction, with the agents whose interfaces exist.
  ///
  /// - Throws: `Fault(.conflict)` when the host uses the instance's addresses itself; `Fault(.failed)` from nft.
  package func install() async throws {
    try await checkAddresses()
    let agents = try interfaces().compactMap(plan.slot(ofInterface:)).sorted().map(network)
    try await nft(table.replacement(agents: agents))
  }

  /// Makes an agent's namespace and veth pair and lets it send from its own address.
  ///
  /// Done again, it changes nothing. On failure it takes back what it did.
  package func attach(
    _ network: AgentNetwork, agent: AgentID, labels: [String: String], policies: [NetworkPolicy]
  ) async throws {
    _ = try AllowedFlows(policies: policies, labels: labels, agent: agent)
    do {
      try await detach(network)
      try await connect(network, agent: agent)
    } catch {
      do {
        try await detach(network)
      } catch let second {
        throw Fault(
          .failed, operation: "attach agent \(agent) to its network", reason: "\(error)",
          remedy: "run 'lobstack doctor'; what was done could not be taken back either", cause: second)
      }
      throw error
    }
  }

  private func connect(_ network: AgentNetwork, agent: AgentID) async throws {
    let host = network.interface
    let guest = Self.guestInterface
    try await ip(
      [],
      [
        "netns add \(network.namespace)",
        "link add \(host) type veth peer name \(guest) netns \(network.namespace)",
        "link set \(host) alias \"lobstack \(plan.layout.instance) \(agent)\"",
      ])
    for (setting, value) in hostSettings(host) { try write(value, to: setting) }
    async let element: Void = nft(table.adding(network))
    try await ip(["-n", network.namespace], ["link set lo up", "link set \(guest) up"] + addresses(network))
    try await element
    // The firewall knows the agent: only now may packets pass.
    try await ip([], ["addr add \(network.hostAddress)/30 dev \(host)", "link set \(host) up"])
  }

  /// Gives the namespace its addresses and routes again: runsc takes them into the sandbox when that starts.
  package func refresh(_ network: AgentNetwork) async throws {
    try await ip(["-n", network.namespace], addresses(network))
  }

  private func addresses(_ network: AgentNetwork) -> [String] {
    [
      "addr replace \(network.agentAddress)/30 dev \(Self.guestInterface)",
      "route replace default via \(network.hostAddress)",
    ]
  }

  /// No IPv6, no forwarding, no source but the one that the route says (ip-sysctl).
  private func hostSettings(_ interface: String) -> [(String, String)] {
    [
      ("/proc/sys/net/ipv6/conf/\(interface)/disable_ipv6", "1"),
      ("/proc/sys/net/ipv4/conf/\(interface)/rp_filter", "1"),
      ("/proc/sys/net/ipv4/conf/\(interface)/forwarding", "0"),
      ("/proc/sys/net/ipv4/conf/\(interface)/accept_redirects", "0"),
    ]
  }

  /// Cuts an agent off: its interface first. Done when there is nothing left.
  package func detach(_ network: AgentNetwork) async throws {
    if try interfaces().contains(network.interface) { try await ip([], ["link del \(network.interface)"]) }
    if FileManager.default.fileExists(atPath: network.namespacePath) {
      try await ip([], ["netns del \(network.namespace)"])
    }
    let result = try await Command("nft", ["-f", "-"]).run(input: Array(table.removing(network).utf8))
    if result.status != .exited(0), !result.standardError.contains("No such file") {
      throw nftFault(result.standardError)
    }
  }

  /// What the kernel holds of each agent's network, read in one go.
  package func readBackAll(_ networks: [AgentNetwork]) async -> [Int: LayerStatus] {
    let found: FirewallListing
    do {
      found = try await listing()
      let expected = try await expectedListing()
      if let missing = difference(found.rules, expected.rules) {
        return Dictionary(uniqueKeysWithValues: networks.map { ($0.slot, failed(missing)) })
      }
    } catch {
      return Dictionary(uniqueKeysWithValues: networks.map { ($0.slot, failed("\(error)")) })
    }
    return Dictionary(uniqueKeysWithValues: networks.map { ($0.slot, layer($0, found)) })
  }

  package func readBack(_ network: AgentNetwork) async -> LayerStatus {
    await readBackAll([network])[network.slot] ?? failed("nothing was read back")
  }

  private func layer(_ network: AgentNetwork, _ found: FirewallListing) -> LayerStatus {
    guard found.sources.contains("\(network.interface) . \(network.agentAddress)") else {
      return failed("\(network.interface) is not in set \(FirewallTable.sources)")
    }
    for (setting, value) in hostSettings(network.interface) {
      // A setting that cannot be read belongs to an interface that is gone.
      let read = try? String(contentsOfFile: setting, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
      guard read == value else { return failed("\(setting) is \(read ?? "absent"), not \(value)") }
    }
    guard FileManager.default.fileExists(atPath: network.namespacePath) else {
      return failed("network namespace \(network.namespace) is gone")
    }
    return LayerStatus(
      layer: "network", state: .enforced,
      evidence: "nft table inet \(table.name): \(found.rules.count) objects as rendered; \(network.interface) may send "
        + "from \(network.agentAddress) alone; namespace \(network.namespace)")
  }

  /// Removes what is left of agents that nobody knows.
  ///
  /// - Returns: What was removed, for the log.
  package func reclaim(keeping slots: Set<Int>) async throws -> [String] {
    let found = try interfaces().compactMap(plan.slot(ofInterface:)) + namespaces().compactMap(plan.slot(ofNamespace:))
    let leftovers = Set(found).subtracting(slots).sorted()
    for slot in leftovers { try await detach(network(slot: slot)) }
    return try leftovers.map { "network \(try network(slot: $0).interface)" }
  }

  /// Removes every trace of the instance from the kernel's network.
  package func uninstall() async throws {
    _ = try await reclaim(keeping: [])
    try await nft("table inet \(table.name)\ndelete table inet \(table.name)\n")
  }

  /// Packets dropped since the table was put in place, by reason.
  package func drops() async throws -> [String: Int] { try await listing().drops }

  // MARK: nft and ip

  private func listing() async throws -> FirewallListing {
    try FirewallListing(json: await Command("nft", ["-j", "list", "table", "inet", table.name]).check())
  }

  /// What this machine's nft makes of our text: the same table, loaded into a namespace that nobody uses.
  private func expectedListing() async throws -> FirewallListing {
    let script = "nft -f - && exec nft -j list table inet \(table.name)"
    let text = try await Command("unshare", ["--net", "sh", "-c", script]).check(
      input: Array(table.replacement(agents: []).utf8))
    return try FirewallListing(json: text)
  }

  private func difference(_ found: [String], _ expected: [String]) -> String? {
    if let missing = expected.first(where: { !found.contains($0) }) { return "missing from the kernel: \(missing)" }
    if let added = found.first(where: { !expected.contains($0) }) { return "not ours in the table: \(added)" }
    return found == expected ? nil : "the rules stand in another order"
  }

  private func nft(_ text: String) async throws {
    let result = try await Command("nft", ["-f", "-"]).run(input: Array(text.utf8))
    guard result.status == .exited(0) else { throw nftFault(result.standardError) }
  }

  private func nftFault(_ message: String) -> Fault {
    Fault(
      .failed, operation: "change the firewall table inet \(table.name)", reason: "nft refused: \(message.prefix(500))",
      remedy: "run 'lobstack doctor'")
  }

  private func ip(_ options: [String], _ lines: [String]) async throws {
    try await Command("ip", options + ["-batch", "-"]).check(input: Array((lines.joined(separator: "\n") + "\n").utf8))
  }

  private func interfaces() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: "/sys/class/net") }

  private func namespaces() -> [String] {
    // The directory appears with the first namespace.
    (try? FileManager.default.contentsOfDirectory(atPath: "/run/netns")) ?? []
  }

  private func write(_ value: String, to setting: String) throws {
    do {
      try value.write(toFile: setting, atomically: false, encoding: .utf8)
    } catch {
      throw Fault(
        .failed, operation: "set \(setting) to \(value)", reason: "the kernel refused", remedy: "run 'lobstack doctor'",
        cause: error)
    }
  }

  private func failed(_ evidence: String) -> LayerStatus {
    LayerStatus(layer: "network", state: .failed, evidence: evidence)
  }

  /// - Throws: `Fault(.conflict)` when a route of the host overlaps the instance's block.
  private func checkAddresses() async throws {
    struct Route: Decodable {
      var dst: String
      var dev: String?
    }
    let text = try await Command("ip", ["-j", "-4", "route", "show"]).check()
    let routes = try JSONDecoder().decode([Route].self, from: Data(text.utf8))
    for route in routes {
      guard let block = IPv4Block(route.dst), block.overlaps(plan.block), let device = route.dev,
        plan.slot(ofInterface: device) == nil
      else { continue }
      throw Fault(
        .conflict, operation: "use \(plan.block) for agents", reason: "the host routes \(block) through \(device)",
        remedy: "start the platform with another --instance name, which has other addresses")
    }
  }
}
