import AgentModel
import ChildProcess
import Foundation
import KernelFiles
import NetworkIsolation
import Turns

/// Where the node proxy may be led by a name: NET-4 with DNS in the attacker's hands.
struct ProxyReach: Sendable {
  let fixtures: Fixtures

  /// Also a cloud's metadata, and addresses that look like a company's network.
  private static let destinations = [
    "10.255.255.2", "172.31.255.2", "192.168.255.2", "100.127.255.2", "169.254.169.254", "fd00:ec2::254",
  ]

  func trials() async throws -> [Trial] {
    async let dials = dialTrials()
    async let names = nameTrials()
    return try await dials + names
  }

  // MARK: The platform under test

  /// Dials as the proxy's own user, and as a user that is nobody's, who stands for a proxy without the rule. Only these
  /// two are led to the witness world, and only to port 443 of addresses that the rule closes anyway.
  private func dialTrials() async throws -> [Trial] {
    let world = try await fixtures.world.value
    let proxy = fixtures.site.platform.proxyUserID
    let nobody = 1_950_000_000 + UInt32.random(in: 0..<1_000_000)
    // A kernel without IPv6 has no such file.
    let isVersion6 = (try? kernelFile("/proc/net/if_inet6"))?.isEmpty == false
    let far = Self.destinations.compactMap { IPAddress($0) }.filter { isVersion6 || !$0.isVersion6 }
    for user in [proxy, nobody] {
      for destination in far { try await world.admit(user: user, to: destination) }
    }
    let near = try await ownListeners(world)
    defer { for (_, listener) in near { listener.stop() } }
    let counters = FirewallCounters(layout: fixtures.site.platform)
    let before = try await counters.packets(of: "upstream")
    let places = far.map { ($0.description, UInt16(443)) } + near.map { ($0.address, $0.listener.port) }
    var trials: [Trial] = []
    for (address, port) in places {
      trials.append(
        try await Trial.run("the proxy's user dials \(address) port \(port)") {
          try await dial(address, port, as: nobody)
        } withControl: {
          try await dial(address, port, as: proxy)
        })
    }
    let counted = try await counters.packets(of: "upstream") - before
    guard counted < places.count else { return trials }
    return trials + [
      Trial(
        "dial without being counted", withoutControl: .succeeded("\(places.count) dials were made"),
        withControl: .succeeded("the firewall counted \(counted) of them"))
    ]
  }

  /// An address of this machine that no range of the policy holds: of AS112 (RFC 7535), which answers nobody on 443.
  private static let ownAddress = "192.31.196.77"

  /// Listeners on addresses of this machine, each behind the interface that has the address.
  private func ownListeners(_ world: WitnessWorld) async throws -> [(address: String, listener: HostListener)] {
    let plan = AddressPlan(layout: fixtures.site.platform)
    let own = world.network.interface
    // Goes with the interface.
    try await Command("ip", ["addr", "replace", "\(Self.ownAddress)/32", "dev", own]).check()
    let places = [
      ("127.0.0.1", "lo"), ("127.77.7.7", "lo"), (plan.serviceAddress, plan.serviceInterface), (Self.ownAddress, own),
    ]
    var listeners: [String: HostListener] = [:]
    for (_, interface) in places where listeners[interface] == nil {
      // Somebody may listen on 443 of every interface already.
      if let exact = try? await HostListener.start(interface: interface, port: 443) {
        listeners[interface] = exact
      } else {
        listeners[interface] = try await HostListener.start(interface: interface)
      }
    }
    return places.compactMap { address, interface in listeners[interface].map { (address, $0) } }
  }

  private func dial(_ address: String, _ port: UInt16, as user: UInt32) async throws -> AttackOutcome {
    let words = [
      "--reuid", "\(user)", "--regid", "\(user)", "--clear-groups", "timeout", "3", "bash", "-c",
      "cat < /dev/tcp/\(address)/\(port)",
    ]
    let result = try await Command("setpriv", words).run(timeout: .seconds(6))
    if result.standardOutput.contains("lobstack witness") {
      return .succeeded("the witness there answered user \(user)")
    }
    let reason = result.standardError.split(separator: "\n").last?.split(separator: ":").last ?? "no answer"
    return .prevented("user \(user) got no connection:\(reason)")
  }

  // MARK: A second platform, with its own Internet

  /// A name that the agent may reach, and that leads to where nobody may be led.
  private func nameTrials() async throws -> [Trial] {
    let platform = try await fixtures.harmed.value
    guard let far = IPAddress("93.184.215.15") else { throw NotTestable("no address to try") }
    return try await platform.turn.take {
      func hello(_ address: IPAddress) -> Dial {
        Dial(
          address: EgressChecks.anywhere, port: 443,
          bytes: ClientHello(serverName: platform.names.host(at: address)).bytes)
      }
      let control = try await platform.reach(hello(far), at: far)
      let counters = FirewallCounters(layout: platform.layout)
      var trials: [Trial] = []
      for address in ["10.255.255.3", "169.254.169.254", "127.0.0.1"].compactMap({ IPAddress($0) }) {
        let before = try await counters.packets(of: "upstream")
        var outcome = try await platform.reach(hello(address), at: address)
        let counted = try await counters.packets(of: "upstream") - before
        if case .prevented(let text) = outcome {
          outcome =
            counted > 0
            ? .prevented("\(text); the firewall counted \(counted)")
            : .unknown("\(text), but the firewall counted no packet of the proxy's")
        }
        trials.append(
          Trial("an open name that leads to \(address)", withoutControl: control, withControl: outcome))
      }
      return trials
    }
  }
}
