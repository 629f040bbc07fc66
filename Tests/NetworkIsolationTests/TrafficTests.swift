import AgentModel
import Foundation
import NetworkIsolation
import Testing

/// Each probe runs with the table, where it must fail, and without it, where it must succeed: else it proves nothing.
@Suite("Traffic of an agent", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(2)))
struct TrafficTests {
  private func expectClosed(
    _ instance: TestInstance, counter: String, _ probe: () async throws -> Bool
  ) async throws {
    let before = try await instance.count(counter)
    #expect(try await !probe())
    #expect(try await instance.count(counter) > before)
    try await instance.nft("delete table \(instance.table)")
    #expect(try await probe(), "the probe does not work without the table either")
    try await instance.isolation.install()
    // By the rules, and not because the agent is cut off now.
    try await instance.nft("flush set \(instance.table) cut_off_interfaces")
    #expect(try await !probe())
  }

  @Test("to this machine is closed")
  func toHost() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let listener = await Probe.listen()
      defer { close(listener.descriptor) }
      try await expectClosed(instance, counter: "host") {
        await Probe.connects(from: network.namespacePath, to: network.hostAddress, port: listener.port)
      }
    }
  }

  @Test("to another address of this machine is closed")
  func toOtherHostAddress() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      try await withInterface(address: "192.0.2.201") { _ in
        let listener = await Probe.listen()
        defer { close(listener.descriptor) }
        try await expectClosed(instance, counter: "denied_destination") {
          await Probe.connects(from: network.namespacePath, to: "192.0.2.201", port: listener.port)
        }
      }
    }
  }

  @Test("from this machine is closed")
  func fromHost() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let listener = await Probe.listen(in: network.namespacePath)
      defer { close(listener.descriptor) }
      try await expectClosed(instance, counter: "ingress") {
        await Probe.connects(to: network.agentAddress, port: listener.port)
      }
    }
  }

  @Test("to another agent is closed, also on a machine that forwards")
  func toAgent() async throws {
    try await TestInstance.with { instance in
      let one = try await instance.attach(0)
      let other = try await instance.attach(1)
      for network in [one, other] { try set("ipv4/conf/\(network.interface)/forwarding", "1") }
      let listener = await Probe.listen(in: other.namespacePath)
      defer { close(listener.descriptor) }
      try await expectClosed(instance, counter: "egress") {
        await Probe.connects(from: one.namespacePath, to: other.agentAddress, port: listener.port)
      }
    }
  }

  @Test("with a forged source is dropped and counted")
  func spoofed() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let victim = try instance.isolation.network(slot: 1).agentAddress
      try await ip("-n \(network.namespace) addr add \(victim)/32 dev lo")
      try await knowHost(network)
      await Probe.send(from: network.namespacePath, source: victim, to: network.hostAddress, port: 53)
      #expect(try await instance.count("spoof") == 1)
      #expect(try await instance.count("host") == 0)
    }
  }

  @Test("over IPv6 is not even received, and dropped where it would be")
  func ipv6() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      try await ip("-n \(network.namespace) addr add 2001:db9::2/64 dev eth0 nodad")
      try await knowHost(network, as: "2001:db9::1")
      await Probe.send6(from: network.namespacePath, to: "2001:db9::1", port: 53)
      #expect(try await instance.count("ipv6") == 0)
      try set("ipv6/conf/\(network.interface)/disable_ipv6", "0")
      await Probe.send6(from: network.namespacePath, to: "2001:db9::1", port: 53)
      #expect(try await instance.count("ipv6") > 0)
    }
  }

  @Test("that is dropped comes as an event with its fields")
  func events() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let reader = try DenialReader.open(group: instance.layout.number)
      reader.start()
      defer { reader.stop() }
      await Probe.send(from: network.namespacePath, to: "169.254.169.254", port: 80)
      await Probe.send(from: network.namespacePath, to: "9.9.9.9", port: 443)
      await Probe.send(from: network.namespacePath, to: network.hostAddress, port: 53)
      _ = await Probe.connects(to: network.agentAddress, port: 8080)

      let expected: Set<Denial.Key> = [
        key(network, "denied-destination", "udp", network.agentAddress, "169.254.169.254", 80),
        key(network, "egress", "udp", network.agentAddress, "9.9.9.9", 443),
        key(network, "host", "udp", network.agentAddress, network.hostAddress, 53),
        key(network, "ingress", "tcp", network.hostAddress, network.agentAddress, 8080),
      ]
      var seen: Set<Denial.Key> = []
      let deadline = ContinuousClock.now + .seconds(5)
      while !seen.isSuperset(of: expected), ContinuousClock.now < deadline {
        try await Task.sleep(for: .milliseconds(20))
        seen.formUnion(reader.drain().denials.map(\.key))
      }
      #expect(seen.isSuperset(of: expected), "\(seen)")
    }
  }

  @Test("that floods is dropped whole but told in measure")
  func flood() async throws {
    try await TestInstance.with { instance in
      let network = try await instance.attach(0)
      let reader = try DenialReader.open(group: instance.layout.number)
      reader.start()
      defer { reader.stop() }
      try await knowHost(network)
      let start = ContinuousClock.now
      for port in 1000..<1500 { await Probe.send(from: network.namespacePath, to: "9.9.9.9", port: UInt16(port)) }
      let seconds = Int((ContinuousClock.now - start).components.seconds) + 1
      #expect(try await instance.count("egress") == 500)
      try await Task.sleep(for: .milliseconds(400))
      let told = reader.drain().denials.reduce(0) { $0 + $1.count }
      // A burst of 40, then 20 a second.
      #expect((1...40 + 20 * seconds).contains(told), "\(told) in \(seconds) s")
    }
  }

  /// Gives the agent's end the host's hardware address, so that no packet waits for ARP or is lost to it: the host
  /// does not even answer a question with a forged source.
  private func knowHost(_ network: AgentNetwork, as address: String? = nil) async throws {
    let hardware = try await ip("-br link show \(network.interface)").split(separator: " ")[2]
    let address = address ?? network.hostAddress
    try await ip("-n \(network.namespace) neigh replace \(address) lladdr \(hardware) dev eth0")
  }

  private func key(
    _ network: AgentNetwork, _ rule: String, _ transport: String, _ source: String, _ destination: String,
    _ port: UInt16
  ) -> Denial.Key {
    Denial.Key(
      interface: network.interface, rule: rule, protocol: transport, source: source, destination: destination,
      port: port)
  }
}
