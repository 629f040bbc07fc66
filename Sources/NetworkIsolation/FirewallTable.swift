import AgentModel
import Faults

/// The instance's nftables table, as text for `nft -f`: a pure function of the instance and the policy.
///
/// Every rule names the agents' interfaces by their common prefix, so a packet costs the same however many agents there
/// are, an interface is closed from its first moment, and the host's own traffic is never touched. The one set that
/// grows with the agents holds who may send from which address.
struct FirewallTable: Hashable, Sendable {
  /// Named after what an agent tried; each has its counter and its prefix in the log.
  static let drops = ["ipv6", "spoof", "denied_destination", "host", "egress", "ingress"]
  static let sources = "agent_sources"

  let name: String
  let interfaces: String
  let logGroup: UInt16
  /// IPv4 blocks that may never be opened. IPv6 is closed whole.
  let deniedDestinations: [IPv4Block]

  /// - Throws: `Fault(.invalid)` for a destination that is no CIDR block.
  init(plan: AddressPlan, deniedDestinations: [String]) throws {
    name = "lobstack_" + plan.layout.instance.description.replacing("-", with: "_")
    interfaces = "\"\(plan.interfacePrefix)*\""
    logGroup = plan.layout.number
    self.deniedDestinations = try deniedDestinations.filter { !$0.contains(":") }.map { text in
      guard let block = IPv4Block(text) else {
        throw Fault(
          .invalid, operation: "compile the denied destinations", reason: "'\(text)' is not a CIDR block",
          remedy: "correct policy/network/denied-destinations.yaml")
      }
      return block
    }
  }

  /// Replaces the table as one transaction, with these agents in it.
  func replacement(agents: [AgentNetwork]) -> String {
    "table inet \(name)\ndelete table inet \(name)\n" + definition(agents: agents)
  }

  private func definition(agents: [AgentNetwork]) -> String {
    let elements = agents.isEmpty ? "" : "    elements = { \(agents.map(element).joined(separator: ", ")) }\n"
    let counters = Self.drops.map { "  counter \($0) {}" }.joined(separator: "\n")
    let dropChains = Self.drops.map(dropChain).joined(separator: "\n")
    return """
      table inet \(name) {
        set \(Self.sources) {
          type ifname . ipv4_addr
      \(elements)  }
        set denied_destinations {
          type ipv4_addr
          flags interval
          auto-merge
          elements = { \(deniedDestinations.map(\.description).joined(separator: ", ")) }
        }
      \(counters)
      \(dropChains)
        chain from_agent {
          type filter hook prerouting priority raw; policy accept;
          iifname != \(interfaces) return
          meta nfproto ipv6 goto drop_ipv6
          iifname . ip saddr != @\(Self.sources) goto drop_spoof
          ip daddr @denied_destinations goto drop_denied_destination
        }
        chain to_host {
          type filter hook input priority filter; policy accept;
          iifname \(interfaces) goto drop_host
        }
        chain through_host {
          type filter hook forward priority filter; policy accept;
          oifname \(interfaces) goto drop_ingress
          iifname \(interfaces) goto drop_egress
        }
        chain from_host {
          type filter hook output priority filter; policy accept;
          oifname \(interfaces) goto drop_ingress
        }
      }

      """
  }

  /// The limit is on the log alone: a flood fills no log, and every packet of it is dropped and counted.
  private func dropChain(_ reason: String) -> String {
    """
      chain drop_\(reason) {
        limit rate 50/second burst 100 packets log prefix "lobstack \(reason) " snaplen 128 group \(logGroup)
        counter name \(reason) drop
      }
    """
  }

  func adding(_ agent: AgentNetwork) -> String {
    "add element inet \(name) \(Self.sources) { \(element(agent)) }\n"
  }

  func removing(_ agent: AgentNetwork) -> String {
    "delete element inet \(name) \(Self.sources) { \(element(agent)) }\n"
  }

  private func element(_ agent: AgentNetwork) -> String { "\"\(agent.interface)\" . \(agent.agentAddress)" }
}
