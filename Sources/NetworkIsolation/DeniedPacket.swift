import AgentModel

/// A packet that the firewall dropped, as its log event tells of it.
package struct DeniedPacket: Hashable, Sendable {
  /// The rule that dropped it, a `FirewallTable.Rule` of whatever version wrote the table.
  package var rule: String
  /// Kernel's number of the agent's interface: where the packet came in, or would have gone out for rule `ingress`.
  package var interfaceIndex: UInt32?
  /// `tcp`, `udp`, `icmp`, … or `ip-` and the protocol's number.
  package var `protocol`: String
  package var source: String
  package var destination: String
  package var sourcePort: UInt16?
  package var port: UInt16?
  /// The kernel's count of events of the group; a gap tells of lost ones.
  package var sequence: UInt32?
}

/// Reads the events of one datagram of the NFLOG group; what is not a well-formed event of ours is skipped.
///
/// An agent chooses what stands in its packets, so every length is checked against what is there, and nothing traps.
package func parseDenials(_ datagram: some Collection<UInt8>) -> [DeniedPacket] {
  NetlinkMessage.all(in: ArraySlice(datagram)).compactMap(DeniedPacket.init)
}

/// Reads one netlink message of NFLOG (linux/netfilter/nfnetlink_log.h).
///
/// - Returns: `nil` for bytes that are not a whole event with our log prefix and an IP packet.
package func parseDenial(_ message: [UInt8]) -> DeniedPacket? {
  NetlinkMessage(message[...]).flatMap(DeniedPacket.init)
}

extension DeniedPacket {
  /// NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET.
  private static let event: UInt16 = 4 << 8

  fileprivate init?(_ message: NetlinkMessage) {
    guard message.type == Self.event else { return nil }
    var event = Event()
    for (kind, value) in message.attributes { event.take(kind, value) }
    guard let packet = event.packet else { return nil }
    self = packet
  }
}

/// The attributes of an event that matter here.
private struct Event {
  private var prefix: String?
  private var input: UInt32?
  private var output: UInt32?
  private var sequence: UInt32?
  private var payload: ArraySlice<UInt8>?

  mutating func take(_ kind: UInt16, _ value: ArraySlice<UInt8>) {
    switch kind {
    case 4: input = value.big(at: 0)  // NFULA_IFINDEX_INDEV
    case 5: output = value.big(at: 0)  // NFULA_IFINDEX_OUTDEV
    case 9: payload = value  // NFULA_PAYLOAD
    case 10: prefix = Self.text(value)  // NFULA_PREFIX
    case 12: sequence = value.big(at: 0)  // NFULA_SEQ
    default: break
    }
  }

  var packet: DeniedPacket? {
    guard let prefix, prefix.hasPrefix(FirewallTable.logPrefix), let payload, let header = IPHeader(payload) else {
      return nil
    }
    let rule = String(prefix.dropFirst(FirewallTable.logPrefix.count))
    guard !rule.isEmpty else { return nil }
    return DeniedPacket(
      rule: rule, interfaceIndex: rule == FirewallTable.Rule.ingress.rawValue ? output : input,
      protocol: header.protocolName, source: header.source, destination: header.destination,
      sourcePort: header.sourcePort, port: header.destinationPort, sequence: sequence)
  }

  /// A prefix as we write them: at most 64 of a-z, 0-9, hyphen and space, then a zero byte.
  private static func text(_ value: ArraySlice<UInt8>) -> String? {
    let characters = value.prefix { $0 != 0 }
    guard characters.count <= 64,
      characters.allSatisfy({
        $0 == 0x20 || $0 == 0x2d || (0x30...0x39).contains($0) || (0x61...0x7a).contains($0)
      })
    else { return nil }
    return String(decoding: characters, as: UTF8.self)
  }
}

/// The parts of an IPv4 or IPv6 header that an event shows (RFC 791, RFC 8200).
private struct IPHeader {
  var source: String
  var destination: String
  var sourcePort: UInt16?
  var destinationPort: UInt16?
  private var number: UInt8

  init?(_ packet: ArraySlice<UInt8>) {
    guard let first = packet.first else { return nil }
    let rest: ArraySlice<UInt8>?
    switch first >> 4 {
    case 4:
      let length = Int(first & 0x0f) * 4
      guard length >= 20, packet.count >= length, let fragment: UInt16 = packet.big(at: 6),
        let source = addressText(packet.dropFirst(12).prefix(4)),
        let destination = addressText(packet.dropFirst(16).prefix(4))
      else { return nil }
      (self.source, self.destination) = (source, destination)
      number = packet[packet.startIndex + 9]
      // Only the first fragment begins with the ports.
      rest = fragment & 0x1fff == 0 ? packet.dropFirst(length) : nil
    case 6:
      guard packet.count >= 40, let source = addressText(packet.dropFirst(8).prefix(16)),
        let destination = addressText(packet.dropFirst(24).prefix(16))
      else { return nil }
      (self.source, self.destination) = (source, destination)
      (number, rest) = Self.upperLayer(packet[packet.startIndex + 6], packet.dropFirst(40))
    default: return nil
    }
    guard let rest, Self.withPorts.contains(number) else { return }
    sourcePort = rest.big(at: 0)
    destinationPort = rest.big(at: 2)
  }

  /// TCP, UDP, DCCP, SCTP and UDP-Lite begin with the ports of source and destination.
  private static let withPorts: Set<UInt8> = [6, 17, 33, 132, 136]

  var protocolName: String {
    switch number {
    case 1: "icmp"
    case 6: "tcp"
    case 17: "udp"
    case 58: "icmpv6"
    case 132: "sctp"
    default: "ip-\(number)"
    }
  }

  /// Follows the extension headers, at most eight, to the protocol above; without a rest where it cannot.
  private static func upperLayer(
    _ next: UInt8, _ rest: ArraySlice<UInt8>
  ) -> (number: UInt8, rest: ArraySlice<UInt8>?) {
    var (next, rest) = (next, rest)
    for _ in 0..<8 {
      switch next {
      case 0, 43, 60:  // hop-by-hop, routing, destination options
        guard rest.count >= 8 else { return (next, nil) }
        let length = (Int(rest[rest.startIndex + 1]) + 1) * 8
        next = rest[rest.startIndex]
        rest = rest.dropFirst(length)
      case 44:  // fragment
        guard rest.count >= 8, let offset: UInt16 = rest.big(at: 2) else { return (next, nil) }
        next = rest[rest.startIndex]
        guard offset & 0xfff8 == 0 else { return (next, nil) }
        rest = rest.dropFirst(8)
      default: return (next, rest)
      }
    }
    return (next, nil)
  }
}
