import NetworkIsolation
import Testing

/// Builds NFLOG messages as the kernel does on a little-endian machine.
private struct MessageBuilder {
  private var attributes: [UInt8] = []

  mutating func add(_ kind: UInt16, _ value: [UInt8]) {
    attributes += little(UInt16(value.count + 4)) + little(kind) + value
    while attributes.count % 4 != 0 { attributes.append(0) }
  }

  var bytes: [UInt8] {
    let body = [2, 0, 0, 7] + attributes
    return little(UInt32(body.count + 16)) + little(UInt16(0x0400)) + [0, 0] + [UInt8](repeating: 0, count: 8) + body
  }

  private func little<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
  }
}

private func message(
  prefix: String = "lobstack egress", input: UInt8 = 9, output: UInt8 = 0, payload: [UInt8], sequence: UInt8 = 1
) -> [UInt8] {
  var builder = MessageBuilder()
  builder.add(1, [0x08, 0, 0, 0])
  builder.add(10, Array(prefix.utf8) + [0])
  builder.add(4, [0, 0, 0, input])
  if output != 0 { builder.add(5, [0, 0, 0, output]) }
  builder.add(9, payload)
  builder.add(12, [0, 0, 0, sequence])
  return builder.bytes
}

private let tcp4: [UInt8] =
  [0x45, 0, 0, 60, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 64, 0, 2, 192, 0, 2, 1] + [0x30, 0x39, 0x01, 0xbb, 0, 0, 0, 0]
private let address6: [UInt8] = [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1]

@Suite("An event of a dropped packet")
struct DeniedPacketTests {
  @Test("tells interface, rule, protocol, addresses and ports")
  func tcp() throws {
    let packet = try #require(parseDenial(message(payload: tcp4)))
    #expect(packet.rule == "egress")
    #expect(packet.interfaceIndex == 9)
    #expect(packet.protocol == "tcp")
    #expect(packet.source == "10.64.0.2" && packet.sourcePort == 12345)
    #expect(packet.destination == "192.0.2.1" && packet.port == 443)
    #expect(packet.sequence == 1)
  }

  @Test("has the receiver's interface for rule ingress")
  func ingress() throws {
    let packet = try #require(parseDenial(message(prefix: "lobstack ingress", input: 3, output: 9, payload: tcp4)))
    #expect(packet.interfaceIndex == 9)
  }

  @Test("has no ports for a later fragment and for ICMP")
  func withoutPorts() throws {
    var fragment = tcp4
    fragment[7] = 5
    #expect(try #require(parseDenial(message(payload: fragment))).port == nil)
    var ping = tcp4
    ping[9] = 1
    let packet = try #require(parseDenial(message(payload: ping)))
    #expect(packet.protocol == "icmp" && packet.port == nil)
  }

  @Test("follows IPv6 extension headers to the ports")
  func extensionHeaders() throws {
    let header: [UInt8] = [0x60, 0, 0, 0, 0, 16, 0, 64] + address6 + address6
    let payload = header + [17, 0, 1, 4, 0, 0, 0, 0] + [0, 53, 0, 53, 0, 8, 0, 0]
    let packet = try #require(parseDenial(message(payload: payload)))
    #expect(packet.protocol == "udp" && packet.port == 53 && packet.destination == "2001:db8::1")
  }

  @Test("is skipped when the prefix is another's, and when the packet is cut short")
  func foreign() {
    #expect(parseDenial(message(prefix: "other egress", payload: tcp4)) == nil)
    #expect(parseDenial(message(prefix: "lobstack ", payload: tcp4)) == nil)
    #expect(parseDenial(message(prefix: "lobstack \u{1b}[2J", payload: tcp4)) == nil)
    #expect(parseDenial(message(payload: Array(tcp4.prefix(19)))) == nil)
    #expect(parseDenial(message(payload: [])) == nil)
    #expect(parseDenial([]) == nil)
  }

  @Test("is found among others in one datagram, up to the first that is cut short")
  func datagram() {
    let one = message(payload: tcp4)
    #expect(parseDenials(one + message(prefix: "x", payload: tcp4) + one).count == 2)
    #expect(parseDenials(one + one.dropLast()).count == 1)
  }

  @Test("never traps, whatever the bytes")
  func fuzz() {
    var random = SystemRandomNumberGenerator()
    let seeds = [message(payload: tcp4), message(prefix: "lobstack ipv6", payload: [0x60] + tcp4 + tcp4)]
    var parsed = 0
    for round in 0..<200_000 {
      var bytes: [UInt8]
      if round % 4 == 0 {
        bytes = (0..<Int.random(in: 0...120, using: &random)).map { _ in .random(in: 0...255, using: &random) }
      } else {
        bytes = seeds[round % 2]
        for _ in 0..<Int.random(in: 1...4, using: &random) {
          bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
        }
        if round % 8 == 1 { bytes.removeLast(Int.random(in: 0...bytes.count, using: &random)) }
      }
      if parseDenial(bytes) != nil { parsed += 1 }
      parsed += parseDenials(bytes).count
    }
    #expect(parsed > 0)
  }
}

@Suite("The window of dropped packets")
struct DenialWindowTests {
  private func packet(port: UInt16, sequence: UInt32? = nil) -> DeniedPacket? {
    var packet = parseDenial(message(payload: tcp4))
    packet?.port = port
    packet?.sequence = sequence
    return packet
  }

  @Test("counts like packets together and keeps the time of the first")
  func groups() throws {
    var window = DenialWindow()
    for time in 1...3 { window.add(try #require(packet(port: 80)), interface: "lb0001-0", time: Int64(time)) }
    window.add(try #require(packet(port: 81)), interface: "lb0001-0", time: 4)
    window.add(try #require(packet(port: 80)), interface: "lb0001-1", time: 5)
    let contents = window.drain()
    #expect(contents.denials.map(\.count) == [3, 1, 1])
    #expect(contents.denials.map(\.firstSeen) == [1, 4, 5])
    #expect(window.drain() == DenialWindow.Contents())
  }

  @Test("has room for a thousand kinds and counts the rest")
  func bounded() throws {
    var window = DenialWindow()
    for port in 0..<1_500 { window.add(try #require(packet(port: UInt16(port))), interface: nil, time: 0) }
    window.add(try #require(packet(port: 3)), interface: nil, time: 0)
    let contents = window.drain()
    #expect(contents.denials.count == DenialWindow.longest)
    #expect(contents.overflow == 500)
    #expect(contents.denials[3].count == 2)
  }

  @Test("tells lost events by the gaps in their numbers, also across drains and the turn of the counter")
  func gaps() throws {
    var window = DenialWindow()
    for sequence: UInt32 in [.max - 1, .max, 0, 3] {
      window.add(try #require(packet(port: 1, sequence: sequence)), interface: nil, time: 0)
    }
    #expect(window.drain().lost == 2)
    window.add(try #require(packet(port: 1, sequence: 9)), interface: nil, time: 0)
    #expect(window.drain().lost == 5)
    window.add(try #require(packet(port: 1, sequence: 0)), interface: nil, time: 0)
    #expect(window.drain().lost == 0)
  }
}
