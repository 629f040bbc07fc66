import AgentModel
import ChildProcess
import Foundation
import NetworkIsolation

/// One more agent in the firewall, against a list of rules as long as the agents are many; in a network namespace of
/// its own, so that the machine's traffic meets neither.
enum FirewallBenchmark {
  private static let repetitions = 40

  static func run() async throws -> [Row] {
    let namespace = "lobstack-bench-\(getpid())"
    try await Command("ip", ["netns", "add", namespace]).check()
    do {
      var rows: [Row] = []
      for agents in [10, 100, 1_000] { rows.append(try await measure(agents: agents, namespace: namespace)) }
      try await Command("ip", ["netns", "delete", namespace]).check()
      return rows
    } catch {
      // The first error tells more than that of the clean-up.
      _ = try? await Command("ip", ["netns", "delete", namespace]).run()
      throw error
    }
  }

  private static func measure(agents: Int, namespace: String) async throws -> Row {
    let layout = InstanceLayout(stateDirectory: "/nonexistent")
    let plan = AddressPlan(layout: layout)
    let table = try FirewallTable(layout: layout, deniedDestinations: ["10.0.0.0/8", "169.254.0.0/16", "fe80::/10"])
    let present = try (0..<agents).map { try plan.network(slot: $0) }
    let next = try plan.network(slot: agents)
    try await nft(table.replacing(agents: present), in: namespace)
    try await nft(list(of: present), in: namespace)

    var ours: [Duration] = []
    var peer: [Duration] = []
    for _ in 0..<repetitions {
      ours.append(try await nft(table.adding([next]), in: namespace))
      try await nft(table.removing([next]), in: namespace)
      peer.append(try await nft("insert rule inet peer closed iifname \"\(next.interface)\" drop\n", in: namespace))
    }
    try await nft(table.removal + "delete table inet peer\n", in: namespace)
    return .compare(
      "firewall: one more agent at \(agents)", Samples(ours), "nft list of rules", Samples(peer),
      goal: agents == 1_000 ? "10 ms" : "")
  }

  /// A chain with a rule for each agent's address and interface, as an iptables set-up has it.
  private static func list(of agents: [AgentNetwork]) -> String {
    let rules = agents.map {
      "iifname \"\($0.interface)\" ip saddr != \($0.agentAddress) drop\niifname \"\($0.interface)\" drop\n"
    }
    return "table inet peer {\nchain closed {\ntype filter hook prerouting priority 0; policy accept;\n"
      + rules.joined() + "}\n}\n"
  }

  @discardableResult
  private static func nft(_ text: String, in namespace: String) async throws -> Duration {
    let begin = ContinuousClock.now
    try await Command("ip", ["netns", "exec", namespace, "nft", "-f", "-"]).check(input: Array(text.utf8))
    return begin.duration(to: .now)
  }
}
