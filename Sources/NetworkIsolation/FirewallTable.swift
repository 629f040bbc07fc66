import AgentModel
import Faults

/// The nft table of one instance: which packets of its agents' interfaces are dropped, told and counted.
///
/// Every rule first asks whether the packet came from, or goes to, one of the instance's interfaces; other traffic of
/// the machine passes untouched. Each decision is one look-up in a hash, so that a packet costs the same with one agent
/// and with thousands. An accept in another table does not lift a drop here (nft(8), "verdict statements").
package struct FirewallTable: Hashable, Sendable {
  /// What a dropped packet is told as: the end of its log prefix and the name of its counter.
  package enum Rule: String, Sendable, CaseIterable {
    /// The source is not the agent's own address.
    case spoof
    case ipv6
    /// One of the destinations that no policy may open.
    case deniedDestination = "denied-destination"
    /// From an agent to this machine.
    case host
    /// From an agent to the platform's services, more at once than one agent may have.
    case flood
    /// From an agent to anywhere else.
    case egress
    /// To an agent.
    case ingress
    /// From the node proxy to where no agent's rule may lead it, whatever name resolved to it.
    case upstream

    /// nft's identifiers have no hyphen.
    var identifier: String { self == .deniedDestination ? "denied_destination" : rawValue }
  }

  /// What every log prefix begins with.
  package static let logPrefix = "lobstack "
  static let interfacesSet = "agent_interfaces"
  static let sourcesSet = "agent_sources"
  /// Interfaces of agents that were without the table: nothing passes, until the agent has a network anew.
  static let cutOffSet = "cut_off_interfaces"
  /// Their elements come and go with packets.
  static let packetSets = logBudgetSets + [connectionsSet, "query_budget"]
  private static let logBudgetSets = ["sender_log_budget", "receiver_log_budget"]
  private static let connectionsSet = "agent_connections"
  /// Events per agent and second: enough to see what it tries, too few to drown another agent's.
  private static let logRate = "20/second burst 40 packets"
  /// TCP connections of one agent to the proxy and the resolver at once: the proxy has 8192 for all.
  private static let mostConnections = 256
  /// DNS queries of one agent over UDP. Each is a connection that the kernel keeps in mind for half a minute, in a table
  /// that the whole machine shares.
  private static let queryRate = "100/second burst 300 packets"
  /// Bytes of a dropped packet that are logged: the longest IPv4 header and the ports, or IPv6 with extensions.
  private static let logLength = 96

  /// The table's name, without its family.
  package let name: String
  private let subnet: CIDR
  private let logGroup: UInt16
  private let deniedDestinations: [CIDR]
  private let serviceAddress: String
  private let proxyUser: UInt32
  private let resolvers: [CIDR]

  /// - Parameters:
  ///   - layout: names the instance.
  ///   - deniedDestinations: ranges in CIDR notation, from the platform's policy.
  ///   - resolvers: addresses of the DNS servers that the node proxy may ask.
  /// - Throws: `Fault(.invalid)` for a list that is empty or has an entry that is not a range.
  package init(layout: InstanceLayout, deniedDestinations: [String], resolvers: [String] = []) throws {
    let operation = "compile the denied destinations of instance \(layout.instance)"
    let remedy = "mend policy/network/denied-destinations.yaml"
    guard !deniedDestinations.isEmpty else {
      throw Fault(.invalid, operation: operation, reason: "the policy lists none", remedy: remedy)
    }
    let ranges = try deniedDestinations.map { text in
      guard let range = CIDR(text) else {
        throw Fault(
          .invalid, operation: operation,
          reason: "'\(text.prefix(64))' is not an address range in CIDR notation without bits behind the prefix",
          remedy: remedy)
      }
      return range
    }
    // An nft set refuses overlaps; ranges nest or are disjoint, so dropping the inner ones is enough.
    let distinct = Set(ranges)
    self.deniedDestinations = distinct.filter { range in !distinct.contains { $0 != range && $0.contains(range) } }
      .sorted { $0.address.lexicographicallyPrecedes($1.address) }
    name = Self.name(of: layout.instance)
    let plan = AddressPlan(layout: layout)
    subnet = plan.subnet
    serviceAddress = plan.serviceAddress
    proxyUser = layout.proxyUserID
    self.resolvers = try resolvers.map { text in
      guard let address = CIDR("\(text)/\(text.contains(":") ? 128 : 32)") else {
        throw Fault(
          .invalid, operation: "open the DNS servers to the node proxy of instance \(layout.instance)",
          reason: "'\(text.prefix(64))' is not an address", remedy: "mend /etc/resolv.conf or --resolver")
      }
      return address
    }
    logGroup = layout.number
  }

  /// Instance names have no underscore, so no two instances share a table.
  static func name(of instance: InstanceName) -> String {
    "lobstack_" + instance.description.map { $0 == "-" ? "_" : String($0) }.joined()
  }

  /// The instance whose table has this name; `nil` for a table that is not Lobstack's.
  static func instance(ofTable name: String) -> InstanceName? {
    guard name.hasPrefix("lobstack_") else { return nil }
    return InstanceName(name.dropFirst("lobstack_".count).map { $0 == "_" ? "-" : String($0) }.joined())
  }

  /// The table in nft's language, with the elements of these agents.
  package func text(agents: [AgentNetwork] = [], cutOff: [AgentNetwork] = []) -> String {
    """
    table inet \(name) {
    \(Rule.allCases.map { "\tcounter \($0.identifier) {\n\t}\n" }.joined(separator: "\n"))
    \(set(Self.interfacesSet, "type ifname", "size \(AddressPlan.slots.count)", agents.map(interfaceElement)))
    \(set(Self.sourcesSet, "type ifname . ipv4_addr", "size \(AddressPlan.slots.count)", agents.map(sourceElement)))
    \(set(Self.cutOffSet, "type ifname", "size \(AddressPlan.slots.count)", cutOff.map(interfaceElement)))
    \(set("denied_destinations", "type ipv4_addr", "flags interval", denied(.ipv4)))
    \(set("denied_destinations_ipv6", "type ipv6_addr", "flags interval", denied(.ipv6)))
    \(set("resolvers", "type ipv4_addr", "flags interval", resolvers(.ipv4)))
    \(set("resolvers_ipv6", "type ipv6_addr", "flags interval", resolvers(.ipv6)))
    \((Self.logBudgetSets + ["query_budget"]).map(budget).joined(separator: "\n"))
    \(set(Self.connectionsSet, "type ifname", "size \(AddressPlan.slots.count)\n\t\tflags dynamic", []))
    \tchain source {
    \t\ttype filter hook prerouting priority raw; policy accept;
    \t\tiifname != @\(Self.interfacesSet) return
    \t\tiifname @\(Self.cutOffSet) drop
    \t\tiifname . ip saddr != @\(Self.sourcesSet) goto deny_spoof
    \t\tip daddr != \(subnet) ip daddr @denied_destinations goto deny_denied_destination
    \t\tip6 daddr @denied_destinations_ipv6 goto deny_denied_destination
    \t\tmeta nfproto ipv6 goto deny_ipv6
    \t}

    \tchain to_services {
    \t\ttype nat hook prerouting priority dstnat; policy accept;
    \t\tiifname != @\(Self.interfacesSet) return
    \t\tip daddr != \(serviceAddress) ip daddr \(subnet) return
    \t\tip daddr != \(serviceAddress) fib daddr type local return
    \t\tdnat ip to meta l4proto . th dport map { \(redirections) }
    \t}

    \tchain destination {
    \t\ttype filter hook prerouting priority filter; policy accept;
    \t\tiifname @\(Self.interfacesSet) fib daddr type != local goto deny_egress
    \t}

    \tchain input {
    \t\ttype filter hook input priority filter; policy accept;
    \t\tiifname @\(Self.interfacesSet) goto from_agent
    \t}

    \tchain from_agent {
    \t\tct state established ct direction reply accept
    \t\tmeta l4proto tcp ct state new add @\(Self.connectionsSet) { iifname ct count over \(Self.mostConnections) } \
    goto deny_flood
    \t\tmeta l4proto udp update @query_budget { iifname limit rate over \(Self.queryRate) } goto deny_flood
    \t\tip daddr \(serviceAddress) ct status dnat tcp dport \(Self.set(ServicePort.allCases)) accept
    \t\tip daddr \(serviceAddress) ct status dnat udp dport \(ServicePort.dns.rawValue) accept
    \t\tgoto deny_host
    \t}

    \tchain forward {
    \t\ttype filter hook forward priority filter; policy accept;
    \t\tiifname @\(Self.interfacesSet) goto deny_egress
    \t\toifname @\(Self.interfacesSet) goto deny_ingress
    \t}

    \tchain output {
    \t\ttype filter hook output priority filter; policy accept;
    \t\toifname @\(Self.interfacesSet) goto to_agent
    \t\tmeta skuid \(proxyUser) goto from_proxy
    \t}

    \tchain to_agent {
    \t\tct state established accept
    \t\tmeta skuid \(proxyUser) tcp dport 1024-65535 accept
    \t\tgoto deny_ingress
    \t}

    \tchain from_proxy {
    \t\tmeta l4proto { tcp, udp } th dport 53 ip daddr @resolvers accept
    \t\tmeta l4proto { tcp, udp } th dport 53 ip6 daddr @resolvers_ipv6 accept
    \t\tip daddr @denied_destinations goto deny_upstream
    \t\tip6 daddr @denied_destinations_ipv6 goto deny_upstream
    \t\tfib daddr type local goto deny_upstream
    \t\ttcp dport 443 accept
    \t\tgoto deny_upstream
    \t}

    \(Rule.allCases.map(denial).joined(separator: "\n"))
    }

    """
  }

  /// Adds the agents' elements, as of agents that were never cut off; does nothing to those that are there.
  package func adding(_ agents: [AgentNetwork]) -> String {
    elements("add", agents) + element("add", Self.cutOffSet, agents.map(interfaceElement))
      + element("delete", Self.cutOffSet, agents.map(interfaceElement))
  }

  /// Removes the agents' elements. Adding them first makes it succeed when some are missing.
  package func removing(_ agents: [AgentNetwork]) -> String { adding(agents) + elements("delete", agents) }

  /// Closes the agents' interfaces, whatever the table knew of them.
  package func cuttingOff(_ agents: [AgentNetwork]) -> String {
    let interfaces = agents.map(interfaceElement)
    return element("add", Self.interfacesSet, interfaces) + element("add", Self.cutOffSet, interfaces)
  }

  /// Replaces the table in one transaction: no packet meets a moment without it.
  package func replacing(agents: [AgentNetwork], cutOff: [AgentNetwork] = []) -> String {
    removal + text(agents: agents, cutOff: cutOff)
  }

  /// Removes the table, also when there is none.
  package var removal: String { "table inet \(name) {\n}\ndelete table inet \(name)\n" }

  private func elements(_ verb: String, _ agents: [AgentNetwork]) -> String {
    element(verb, Self.interfacesSet, agents.map(interfaceElement))
      + element(verb, Self.sourcesSet, agents.map(sourceElement))
  }

  private func element(_ verb: String, _ set: String, _ elements: [String]) -> String {
    elements.isEmpty ? "" : "\(verb) element inet \(name) \(set) { \(elements.joined(separator: ", ")) }\n"
  }

  private func interfaceElement(_ agent: AgentNetwork) -> String { "\"\(agent.interface)\"" }

  private func sourceElement(_ agent: AgentNetwork) -> String { "\"\(agent.interface)\" . \(agent.agentAddress)" }

  private func denied(_ family: CIDR.Family) -> [String] {
    deniedDestinations.filter { $0.family == family }.map(\.description)
  }

  /// One look-up for all ports.
  private var redirections: String {
    [
      ("tcp", 80, ServicePort.plain), ("tcp", 443, .tls), ("tcp", 53, .dns), ("udp", 53, .dns),
    ].map { "\($0) . \($1) : \(serviceAddress) . \($2.rawValue)" }.joined(separator: ", ")
  }

  private func resolvers(_ family: CIDR.Family) -> [String] {
    Set(resolvers).filter { $0.family == family }.map { "\($0)".split(separator: "/")[0] }.sorted().map(String.init)
  }

  private static func set(_ ports: [ServicePort]) -> String {
    "{ \(ports.map { "\($0.rawValue)" }.joined(separator: ", ")) }"
  }

  private func set(_ name: String, _ type: String, _ property: String, _ elements: [String]) -> String {
    let list = elements.isEmpty ? "" : "\t\telements = { \(elements.joined(separator: ", ")) }\n"
    return "\tset \(name) {\n\t\t\(type)\n\t\t\(property)\n\(list)\t}\n"
  }

  private func budget(_ name: String) -> String {
    "\tset \(name) {\n\t\ttype ifname\n\t\tsize \(AddressPlan.slots.count)\n\t\tflags dynamic,timeout\n\t\ttimeout 1m\n\t}\n"
  }

  /// The budget limits the log statement only: a packet over it is dropped all the same.
  private func denial(_ rule: Rule) -> String {
    let (end, budget) =
      [.ingress, .upstream].contains(rule)
      ? ("oifname", Self.logBudgetSets[1]) : ("iifname", Self.logBudgetSets[0])
    // The proxy is one of us: told at once, it need not wait for an answer.
    let verdict = rule == .upstream ? "reject with icmpx admin-prohibited" : "drop"
    return """
      \tchain deny_\(rule.identifier) {
      \t\tupdate @\(budget) { \(end) limit rate \(Self.logRate) } log prefix "\(Self.logPrefix)\(rule.rawValue)" \
      group \(logGroup) snaplen \(Self.logLength)
      \t\tcounter name \(rule.identifier) \(verdict)
      \t}

      """
  }
}
