import AgentModel
import Faults

/// Which addresses and names the agents of an instance have: a /16 for the instance, a /30 for each slot, the last /30
/// for the platform's own address.
package struct AddressPlan: Hashable, Sendable {
  package static let slots = 0..<16_383
  static let namespaceDirectory = "/run/netns"

  let instance: InstanceName
  private let number: UInt16

  package init(layout: InstanceLayout) {
    instance = layout.instance
    number = layout.number
  }

  /// The instance's own range: `10.64.0.0/16` to `10.191.0.0/16`.
  package var subnet: CIDR { CIDR(ipv4: 10 << 24 | secondOctet << 16, length: 16) }

  /// What the names of the instance's interfaces begin with.
  package var interfacePrefix: String {
    let digits = String(number, radix: 16)
    return "lb\(String(repeating: "0", count: 4 - digits.count))\(digits)-"
  }

  /// The platform's own address for agents: the node proxy and the resolver listen on it, and on nothing else.
  package var serviceAddress: String { address(slot: Self.slots.upperBound, host: 1) }

  /// Name of the interface that has the service address: one end of a veth pair whose other end stays down, because not
  /// every kernel has dummy interfaces.
  package var serviceInterface: String { "\(interfacePrefix)svc" }
  var serviceInterfacePeer: String { "\(interfacePrefix)svp" }

  /// What the names of the instance's network namespaces begin with.
  package var namespacePrefix: String { "lobstack-\(instance)-" }

  /// - Throws: `Fault(.exhausted)` for a slot outside `slots`.
  package func network(slot: Int) throws -> AgentNetwork {
    guard Self.slots.contains(slot) else {
      throw Fault(
        .exhausted, operation: "address slot \(slot) of instance \(instance)",
        reason: "slots go from 0 to \(Self.slots.upperBound - 1)", remedy: "delete agents that are not needed")
    }
    let namespace = "\(namespacePrefix)\(slot)"
    return AgentNetwork(
      slot: slot, interface: "\(interfacePrefix)\(String(slot, radix: 16))", namespace: namespace,
      namespacePath: "\(Self.namespaceDirectory)/\(namespace)", hostAddress: address(slot: slot, host: 1),
      agentAddress: address(slot: slot, host: 2))
  }

  /// The slot that an interface of this name belongs to; `nil` for a name that the plan does not give.
  package func slot(interface: String) -> Int? {
    guard interface.hasPrefix(interfacePrefix), let slot = Int(interface.dropFirst(interfacePrefix.count), radix: 16),
      let network = try? network(slot: slot),  // out of range: not the plan's
      network.interface == interface
    else { return nil }
    return slot
  }

  /// The slot that a network namespace of this name belongs to; `nil` for a name that the plan does not give.
  package func slot(namespace: String) -> Int? {
    guard namespace.hasPrefix(namespacePrefix), let slot = Int(namespace.dropFirst(namespacePrefix.count)),
      let network = try? network(slot: slot),  // out of range: not the plan's
      network.namespace == namespace
    else { return nil }
    return slot
  }

  /// The addressed agent's own address, told from the host's end of its veth pair: no packet can forge that.
  package func agentAddress(interface: String) -> String? {
    guard let slot = slot(interface: interface) else { return nil }
    return address(slot: slot, host: 2)
  }

  private var secondOctet: UInt32 { 64 + UInt32(number % 128) }

  private func address(slot: Int, host: Int) -> String {
    let offset = slot * 4 + host
    return "10.\(secondOctet).\(offset >> 8).\(offset & 0xff)"
  }
}
