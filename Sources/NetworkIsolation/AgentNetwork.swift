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

  package init(
    slot: Int, interface: String, namespace: String, namespacePath: String, hostAddress: String, agentAddress: String
  ) {
    self.slot = slot
    self.interface = interface
    self.namespace = namespace
    self.namespacePath = namespacePath
    self.hostAddress = hostAddress
    self.agentAddress = agentAddress
  }
}
