import AgentModel
import ChildProcess
import Faults
import NetworkIsolation
import Testing

@Suite("The firewall's table")
struct FirewallTableTests {
  private func table(denying denied: [String]) throws -> FirewallTable {
    try FirewallTable(
      layout: InstanceLayout(instance: try #require(InstanceName("ref-1"))), deniedDestinations: denied)
  }

  @Test("is rendered as the reference says")
  func reference() throws {
    let layout = InstanceLayout(instance: try #require(InstanceName("ref-1")))
    let table = try FirewallTable(
      layout: layout,
      deniedDestinations: ["::1/128", "169.254.169.254/32", "169.254.0.0/16", "10.0.0.0/8", "fc00::/7"],
      resolvers: ["10.1.2.3"])
    let agent = try AddressPlan(layout: layout).network(slot: 5)
    #expect(table.text(agents: [agent]) == firewallTableReference)
  }

  @Test("passes nft's own check", .enabled(if: rootTests))
  func checked() async throws {
    let plan = AddressPlan(layout: InstanceLayout(instance: try #require(InstanceName("ref-1"))))
    let agents = try (0..<3).map { try plan.network(slot: $0) }
    for denied in [["10.0.0.0/8"], ["fc00::/7"], ["0.0.0.0/0", "::/0"]] {
      let table = try table(denying: denied)
      for text in [table.text(), table.replacing(agents: agents), table.removal] {
        try await Command("nft", ["-c", "-f", "-"]).check(input: Array(text.utf8))
      }
    }
  }

  @Test("is not made of a list that is empty or has something else than a range")
  func refused() throws {
    #expect(throws: Fault.self) { try table(denying: []) }
    let fault = try #require(throws: Fault.self) { try table(denying: ["10.0.0.0/8", "10.0.0.0/8 }; flush ruleset"]) }
    #expect(fault.code == .invalid && fault.reason.contains("flush ruleset"))
  }
}
