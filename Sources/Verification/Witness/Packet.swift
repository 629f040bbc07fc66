/// An IP packet as raw bytes: what an attacker who has broken out of gVisor could put on the wire.
struct Packet: Sendable {
  enum Payload: Sendable {
    case tcpSynchronize(port: UInt16)
    case udp(port: UInt16, [UInt8])
    case echoRequest
    /// A protocol number without a meaning, RFC 3692 §2.1: 253.
    case experimental
  }

  static let sourcePort: UInt16 = 40_000

  let source: IPAddress
  let destination: IPAddress
  let payload: Payload

  /// The frame that carries the packet over Ethernet.
  func frame(from: [UInt8], to: [UInt8]) -> [UInt8] {
    to + from + bigEndian(source.isVersion6 ? 0x86dd : 0x0800) + bytes
  }

  var bytes: [UInt8] {
    let transport = transportBytes
    return (source.isVersion6 ? version6Header(length: transport.count) : version4Header(length: transport.count))
      + transport
  }

  var protocolNumber: UInt8 {
    switch payload {
    case .tcpSynchronize: 6
    case .udp: 17
    case .echoRequest: source.isVersion6 ? 58 : 1
    case .experimental: 253
    }
  }

  /// RFC 791 §3.1, without options, TTL 64.
  private func version4Header(length: Int) -> [UInt8] {
    var header: [UInt8] = [0x45, 0] + bigEndian(UInt16(20 + length)) + [0, 1, 0, 0, 64, protocolNumber, 0, 0]
    header += source.bytes + destination.bytes
    header.replaceSubrange(10..<12, with: bigEndian(checksum(header)))
    return header
  }

  /// RFC 8200 §3, hop limit 64.
  private func version6Header(length: Int) -> [UInt8] {
    [0x60, 0, 0, 0] + bigEndian(UInt16(length)) + [protocolNumber, 64] + source.bytes + destination.bytes
  }

  private var transportBytes: [UInt8] {
    switch payload {
    case .tcpSynchronize(let port):
      // RFC 9293 §3.1: sequence number 1, five words of header, SYN, window 1024.
      var segment =
        bigEndian(Self.sourcePort) + bigEndian(port) + [0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 4, 0, 0, 0, 0, 0]
      segment.replaceSubrange(16..<18, with: bigEndian(checksum(pseudoHeader(segment.count) + segment)))
      return segment
    case .udp(let port, let data):
      var datagram = bigEndian(Self.sourcePort) + bigEndian(port) + bigEndian(UInt16(8 + data.count)) + [0, 0] + data
      datagram.replaceSubrange(6..<8, with: bigEndian(checksum(pseudoHeader(datagram.count) + datagram)))
      return datagram
    case .echoRequest:
      var message: [UInt8] = [source.isVersion6 ? 128 : 8, 0, 0, 0, 0x4c, 0x62, 0, 1]
      let covered = source.isVersion6 ? pseudoHeader(message.count) + message : message
      message.replaceSubrange(2..<4, with: bigEndian(checksum(covered)))
      return message
    case .experimental:
      return Array("lobstack".utf8)
    }
  }

  /// What the checksum of TCP, UDP and ICMPv6 covers besides the payload (RFC 9293 §3.1, RFC 8200 §8.1).
  private func pseudoHeader(_ length: Int) -> [UInt8] {
    source.bytes + destination.bytes + [0, protocolNumber] + bigEndian(UInt16(length))
  }
}

/// RFC 1071; never 0, which would mean "none" to UDP.
private func checksum(_ bytes: [UInt8]) -> UInt16 {
  var sum: UInt32 = 0
  for index in stride(from: 0, to: bytes.count, by: 2) {
    sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
  }
  while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
  let result = ~UInt16(sum)
  return result == 0 ? 0xffff : result
}

private func bigEndian(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 0xff)] }
