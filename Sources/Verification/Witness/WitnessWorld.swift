import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc

/// The rest of the world, for probes: a network namespace in which every address of IPv4 and IPv6 is local, answers,
/// and has each arrival written down.
///
/// Only packets that come in on an interface that was admitted are routed there, by policy routing, so the machine's
/// own traffic never meets it, and nothing that a probe sends can leave the machine.
struct WitnessWorld: Sendable {
  let network: BareNetwork
  let arrivals: Sniffer
  let listener: HostListener
  private let names: NameServer
  private let table: Int
  private let site: ProbeSite

  /// Rules with a lower number win; `local` is 0, `main` 32766.
  private static let priority = 4_000
  private static let listenerPort: UInt16 = 4_444
  private static let namesPort: UInt16 = 4_453

  static func open(site: ProbeSite) async throws -> WitnessWorld {
    let network = try await BareNetwork.make("w", number: 0, site: site)
    // In a table of its own, for what comes in alone: an answer has to find its way out.
    for (family, everything) in [("-4", "0.0.0.0/0"), ("-6", "::/0")] {
      for line in ["rule add iif eth0 lookup 100", "route add local \(everything) dev lo table 100"] {
        // On a machine without IPv6 that half fails, and the checks that need it say so.
        _ = try await Command(
          "ip", ["-n", network.namespace, family] + line.split(separator: " ").map(String.init)
        ).run()
      }
    }
    try await Command("ip", ["netns", "exec", network.namespace, "nft", "-f", "-"]).check(
      input: Array(
        """
        table inet witness {
          chain answer {
            type nat hook prerouting priority dstnat
            udp dport 53 redirect to :\(namesPort)
            meta l4proto { tcp, udp } redirect to :\(listenerPort)
          }
        }

        """.utf8))
    async let arrivals = Sniffer.start(interface: "eth0", namespace: network.namespace)
    async let listener = HostListener.start(interface: nil, namespace: network.namespace, port: listenerPort)
    async let names = NameServer.start(namespace: network.namespace, port: namesPort)
    let table = Int.random(in: 100_000...2_000_000_000)
    for family in [4, 6] { try await site.ledger.record(.routes(family: family, table: table)) }
    let world = WitnessWorld(
      network: network, arrivals: try await arrivals, listener: try await listener, names: try await names,
      table: table, site: site)
    try await world.addRoutes()
    try world.forward(network.interface)
    return world
  }

  func close() {
    arrivals.stop()
    listener.stop()
    names.stop()
  }

  private func addRoutes() async throws {
    try await Command("ip", ["route", "add", "default", "via", "\(network.address)", "table", "\(table)"]).check()
    _ = try await Command("ip", ["-6", "route", "add", "default", "via", "\(network.address6)", "table", "\(table)"])
      .run()
  }

  /// Lets packets that come in on an interface of the host reach the world; the setting that this changes is put back.
  func admit(_ interface: String) async throws {
    for (family, setting) in Self.forwarding(interface) {
      guard let old = FileManager.default.contents(atPath: setting) else { continue }
      let value = String(decoding: old, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
      if value != "1" {
        try await site.ledger.record(.setting(path: setting, value: value))
        try writeSetting(setting, "1")
      }
      try await addRule(["iif", interface], table: "\(table)", priority: Self.priority, family: family)
    }
  }

  /// Lets what one user of this machine sends reach the world as well, but for what goes to `subnet`: the way of a node
  /// proxy whose Internet the world is to be.
  func admit(user: UInt32, sparing subnet: String) async throws {
    try await addRule(["uidrange", "\(user)-\(user)", "to", subnet], table: "main", priority: Self.priority - 1)
    try await addRule(["uidrange", "\(user)-\(user)"], table: "\(table)", priority: Self.priority)
  }

  /// Lets connections of one user of this machine to port 443 of one address reach the world, and nothing else of his.
  func admit(user: UInt32, to destination: IPAddress) async throws {
    try await addRule(
      ["uidrange", "\(user)-\(user)", "to", "\(destination)", "ipproto", "tcp", "dport", "443"], table: "\(table)",
      priority: Self.priority, family: destination.isVersion6 ? 6 : 4)
  }

  private func addRule(_ selector: [String], table: String, priority: Int, family: Int = 4) async throws {
    let rule = selector + ["lookup", table, "priority", "\(priority)"]
    try await site.ledger.record(.rule(family: family, selector: rule))
    try await Command("ip", ["-\(family)", "rule", "add"] + rule).check()
  }

  /// Lets admitted packets for `destination` go to another probe's interface instead.
  func route(_ destination: IPAddress, to interface: String) async throws {
    try await Command(
      "ip",
      [
        destination.isVersion6 ? "-6" : "-4", "route", "replace", "\(destination)", "dev", interface, "table",
        "\(table)",
      ]
    ).check()
  }

  private func forward(_ interface: String) throws {
    for (_, setting) in Self.forwarding(interface) where FileManager.default.fileExists(atPath: setting) {
      try writeSetting(setting, "1")
    }
  }

  /// IPv4 forwards by the interface that a packet came in on. IPv6 does so only by `force_forwarding` (Linux 6.17),
  /// because its older setting is the whole machine's and changes how that takes router advertisements.
  private static func forwarding(_ interface: String) -> [(family: Int, path: String)] {
    [
      (4, "/proc/sys/net/ipv4/conf/\(interface)/forwarding"),
      (6, "/proc/sys/net/ipv6/conf/\(interface)/force_forwarding"),
    ]
  }
}
