/// The kernel objects that join one agent to this machine: a network namespace, and a veth pair into it.
package struct AgentNetwork: Codable, Hashable, Sendable {
  /// The agent's place in the instance's address plan.
  package var slot: Int
  /// Name of the host's end of the veth pair; the agent's end is `eth0`.
  package var interface: String
  /// Name of the network namespace, as `ip netns` has it.
  package var namespace: String
  package var namespacePath: String
  /// IPv4 address of the host's end; the agent's default route leads there.
  package var hostAddress: String
  package var agentAddress: String

  package var namespacePath: String { "/run/netns/\(namespace)" }
}

/// Which addresses and names the agents of one instance have.
///
/// The instance has 10.(64 + n % 128).0.0/16, n being its number, and slot s the four addresses from 4s on: the host's
/// end is the second, the agent the third.
package struct AddressPlan: Hashable, Sendable {
  package static let slots = 0..<16_384

  let layout: InstanceLayout

  package init(layout: InstanceLayout) { self.layout = layout }

  package var block: IPv4Block {
    let base = UInt32(10) << 24 | UInt32(64 + layout.number % 128) << 16
    return IPv4Block(base: IPv4Address(number: base), prefixLength: 16)
  }

  /// What the names of the host's ends begin with; at most 15 bytes are left for a name (IFNAMSIZ).
  package var interfacePrefix: String {
    let digits = String(layout.number, radix: 16)
    return "lb\(String(repeating: "0", count: 4 - digits.count))\(digits)-"
  }

  package var namespacePrefix: String { "lobstack-\(layout.instance)-" }

  /// - Throws: `Fault(.exhausted)` when the plan has no such slot.
  package func network(slot: Int) throws -> AgentNetwork {
    guard Self.slots.contains(slot) else {
      throw Fault(
        .exhausted, operation: "give an agent an address", reason: "all \(Self.slots.count) slots are taken",
        remedy: "delete agents or start a second instance")
    }
    let base = block.base.number + UInt32(slot) * 4
    return AgentNetwork(
      slot: slot, interface: interfacePrefix + String(slot, radix: 16), namespace: "\(namespacePrefix)\(slot)",
      hostAddress: IPv4Address(number: base + 1).description,
      agentAddress: IPv4Address(number: base + 2).description)
  }

  package func slot(ofInterface name: String) -> Int? {
    guard name.hasPrefix(interfacePrefix) else { return nil }
    return Int(name.dropFirst(interfacePrefix.count), radix: 16)
  }

  package func slot(ofNamespace name: String) -> Int? {
    guard name.hasPrefix(namespacePrefix) else { return nil }
    return Int(name.dropFirst(namespacePrefix.count))
  }
}
