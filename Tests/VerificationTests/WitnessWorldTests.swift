import AgentModel
import ChildProcess
import Foundation
import Glibc
import Testing

@testable import Verification

private let isEnabled = getuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"

@Suite("The witness world", .serialized, .enabled(if: isEnabled), .timeLimit(.minutes(1))) struct WitnessWorldTests {
  private func withSite(_ body: (ProbeSite) async throws -> Void) async throws {
    let root = FileManager.default.temporaryDirectory.path + "/lobstack-site-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: root) }
    let site = try await ProbeSite.open(platform: InstanceLayout(stateDirectory: root), isQuick: true)
    do { try await body(site) } catch {
      _ = await site.close()
      throw error
    }
    #expect(await site.close() == [])
    #expect(try await traces(of: site) == "")
  }

  /// Whatever the kernel still holds under the run's name.
  private func traces(of site: ProbeSite) async throws -> String {
    let all = try await Command(
      "sh", ["-c", "ip netns list; ip link show; ip rule show; ip -6 rule show; ls /tmp"]
    ).check()
    return all.split(separator: "\n").filter { $0.contains(site.instance.description) }.joined(separator: "\n")
  }

  private func settled(_ condition: () -> Bool) async throws -> Bool {
    for _ in 0..<40 where !condition() { try await Task.sleep(for: .milliseconds(50)) }
    return condition()
  }

  @Test("sees packets of every protocol, family and sender that come in on an admitted interface")
  func arrivals() async throws {
    try await withSite { site in
      let world = try await WitnessWorld.open(site: site)
      defer { world.close() }
      let probe = try await BareNetwork.make("a", number: 1, site: site)
      try await world.admit(probe.interface)
      let injector = try await Injector.open(namespace: probe.namespace, interface: "eth0", peer: probe.interface)
      let far = try #require(IPAddress("8.8.8.8"))
      let far6 = try #require(IPAddress("2001:db8::8"))
      let forged = try #require(IPAddress("203.0.113.77"))
      let payloads: [Packet.Payload] = [.tcpSynchronize(port: 443), .udp(port: 53, [1]), .echoRequest, .experimental]
      for payload in payloads {
        try injector.send([
          Packet(source: probe.address, destination: far, payload: payload),
          Packet(source: probe.address6, destination: far6, payload: payload),
        ])
      }
      try injector.send([Packet(source: forged, destination: far, payload: .udp(port: 9, []))])
      for (source, count) in [(probe.address, 4), (probe.address6, 4), (forged, 1)] {
        #expect(
          try await settled { world.arrivals.count { $0.source == source } >= count }, "\(source): \(count) packets")
      }
    }
  }

  @Test("answers on every address and port over TCP") func answers() async throws {
    try await withSite { site in
      let world = try await WitnessWorld.open(site: site)
      defer { world.close() }
      let probe = try await BareNetwork.make("a", number: 1, site: site)
      try await world.admit(probe.interface)
      for target in ["169.254.169.254/80", "10.20.30.40/443", "8.8.4.4/12345"] {
        let text = try await Command(
          "ip", ["netns", "exec", probe.namespace, "timeout", "3", "bash", "-c", "cat < /dev/tcp/\(target)"]
        ).check()
        #expect(text == "lobstack witness\n")
      }
      #expect(world.listener.arrivals["tcp \(probe.address)"] == 3)
    }
  }

  @Test("gets nothing from an interface that was not admitted") func notAdmitted() async throws {
    try await withSite { site in
      let world = try await WitnessWorld.open(site: site)
      defer { world.close() }
      let probe = try await BareNetwork.make("a", number: 1, site: site)
      let witness = try await Sniffer.start(interface: probe.interface)
      defer { witness.stop() }
      let injector = try await Injector.open(namespace: probe.namespace, interface: "eth0", peer: probe.interface)
      let far = try #require(IPAddress("198.51.100.1"))
      try injector.send([Packet(source: probe.address, destination: far, payload: .udp(port: 9, []))])
      #expect(try await settled { witness.count { $0.destination == far } == 1 }, "the packet left the probe")
      #expect(world.arrivals.count { $0.source == probe.address } == 0)
    }
  }

  @Test("carries packets from one probe to another when told to") func between() async throws {
    try await withSite { site in
      let world = try await WitnessWorld.open(site: site)
      defer { world.close() }
      let one = try await BareNetwork.make("a", number: 1, site: site)
      let other = try await BareNetwork.make("b", number: 2, site: site)
      try await world.admit(one.interface)
      try await world.route(other.address, to: other.interface)
      let witness = try await Sniffer.start(interface: "eth0", namespace: other.namespace)
      defer { witness.stop() }
      let injector = try await Injector.open(namespace: one.namespace, interface: "eth0", peer: one.interface)
      try injector.send([Packet(source: one.address, destination: other.address, payload: .tcpSynchronize(port: 80))])
      #expect(try await settled { witness.count { $0.source == one.address && $0.port == 80 } == 1 })
    }
  }

  @Test("hears what is sent to the host behind one interface, and only there") func host() async throws {
    try await withSite { site in
      let probe = try await BareNetwork.make("a", number: 1, site: site)
      let listener = try await HostListener.start(interface: probe.interface)
      defer { listener.stop() }
      let script =
        "echo x > /dev/tcp/\(probe.hostAddress)/\(listener.port); echo x > /dev/udp/\(probe.hostAddress)/\(listener.port)"
      _ = try await Command("ip", ["netns", "exec", probe.namespace, "timeout", "3", "bash", "-c", script]).run()
      #expect(
        try await settled {
          listener.arrivals["tcp \(probe.address)"] == 1 && listener.arrivals["udp \(probe.address) x\n"] == 1
        })
      let local = try await Command("timeout", ["3", "bash", "-c", "echo x > /dev/tcp/127.0.0.1/\(listener.port)"])
        .run()
      #expect(local.status != .exited(0))
    }
  }
}
