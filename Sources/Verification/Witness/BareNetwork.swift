import AgentModel
import ChildProcess
import Faults

/// A network namespace joined to the host by a veth pair, with nothing that filters: a network with the control off.
struct BareNetwork: Sendable {
  let namespace: String
  /// The host's end; the other end is `eth0`.
  let interface: String
  let hostAddress: IPAddress
  let address: IPAddress
  let hostAddress6: IPAddress
  let address6: IPAddress

  var namespacePath: String { "/run/netns/\(namespace)" }

  /// - Parameters:
  ///   - suffix: one letter, unique within the run.
  ///   - number: 0…63, unique within the run; picks the addresses.
  static func make(_ suffix: String, number: UInt8, site: ProbeSite) async throws -> BareNetwork {
    // Addresses for tests of devices (RFC 2544, 198.18.0.0/15) and a random unique local prefix (RFC 4193).
    let key = UInt8(truncatingIfNeeded: site.instance.description.utf8.reduce(0) { ($0 &* 31) &+ Int($1) })
    let base = [198, 18, key, number &* 4]
    let prefix: [UInt8] = [0xfd, 0x4c, 0x6f, 0x62, key, number] + [UInt8](repeating: 0, count: 9)
    guard let host = IPAddress(bytes: base.dropLast() + [base[3] + 1]),
      let inside = IPAddress(bytes: base.dropLast() + [base[3] + 2]), let host6 = IPAddress(bytes: prefix + [1]),
      let inside6 = IPAddress(bytes: prefix + [2])
    else { throw NotTestable("no address for network \(suffix)") }
    let network = BareNetwork(
      namespace: site.namespaceName(suffix), interface: site.interfaceName(suffix), hostAddress: host,
      address: inside, hostAddress6: host6, address6: inside6)
    try await site.ledger.record(.networkNamespace(network.namespace))
    try await site.ledger.record(.interface(network.interface))
    try await network.build()
    return network
  }

  private func build() async throws {
    try await Command("ip", ["netns", "add", namespace]).check()
    let host = [
      "link add \(interface) type veth peer name eth0 netns \(namespace)",
      // Its link-local address is set below: the kernel's own would hold up the first packets for two seconds, until
      // it was seen to be no duplicate.
      "link set \(interface) addrgenmode none",
      "addr add \(hostAddress)/30 dev \(interface)",
      "link set \(interface) up",
    ]
    try await Command("ip", ["-batch", "-"]).check(input: Array(host.joined(separator: "\n").utf8 + [10]))
    try await addAddresses()
    // A machine without IPv6 lacks it here too; the checks that need it say so.
    let hostV6 = ["addr add fe80::1/64 dev \(interface) nodad", "addr add \(hostAddress6)/64 dev \(interface) nodad"]
    _ = try await Command("ip", ["-6", "-batch", "-"]).run(input: Array(hostV6.joined(separator: "\n").utf8 + [10]))
    let insideV6 = [
      "addr add fe80::2/64 dev eth0 nodad", "addr add \(address6)/64 dev eth0 nodad",
      "route add default via \(hostAddress6)",
    ]
    _ = try await Command("ip", ["-n", namespace, "-6", "-batch", "-"])
      .run(input: Array(insideV6.joined(separator: "\n").utf8 + [10]))
    // Only the kernel's own filter of forged senders could still be in the way of an attack.
    try writeSetting("/proc/sys/net/ipv4/conf/\(interface)/rp_filter", "0")
  }

  /// Gives the namespace its IPv4 address and route, which gVisor takes away with each sandbox that it starts.
  private func addAddresses() async throws {
    let lines = [
      "link set lo up", "link set eth0 addrgenmode none", "addr replace \(address)/30 dev eth0", "link set eth0 up",
      "route replace default via \(hostAddress)",
    ]
    try await Command("ip", ["-n", namespace, "-batch", "-"]).check(
      input: Array(lines.joined(separator: "\n").utf8 + [10]))
  }
}
