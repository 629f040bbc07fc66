import Testing

@testable import Verification

@Suite("A crafted packet") struct PacketTests {
  private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

  @Test(
    "is seen by a sniffer as what it was made as",
    arguments: [
      ("10.0.0.2", "192.168.1.9"), ("fd00::2", "2001:db8::1"),
    ])
  func roundTrip(_ source: String, _ destination: String) throws {
    let payloads: [(Packet.Payload, UInt16?)] = [
      (.tcpSynchronize(port: 443), 443), (.udp(port: 53, [1, 2, 3]), 53), (.echoRequest, nil), (.experimental, nil),
    ]
    for (payload, port) in payloads {
      let packet = Packet(source: try address(source), destination: try address(destination), payload: payload)
      let frame = packet.frame(from: [2, 0, 0, 0, 0, 1], to: [2, 0, 0, 0, 0, 2])
      let sighting = try #require(Sighting(frame: frame[...]))
      #expect(sighting.source == packet.source)
      #expect(sighting.destination == packet.destination)
      #expect(sighting.protocolNumber == packet.protocolNumber)
      #expect(sighting.port == port)
    }
  }

  @Test("has a header whose checksum verifies (RFC 1071)") func headerChecksum() throws {
    let packet = Packet(
      source: try address("10.1.2.3"), destination: try address("198.51.100.7"), payload: .echoRequest)
    let words = stride(from: 0, to: 20, by: 2).map { UInt32(packet.bytes[$0]) << 8 | UInt32(packet.bytes[$0 + 1]) }
    var sum = words.reduce(0, +)
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    #expect(sum == 0xffff)
  }

  @Test("that is cut short is not taken for one", arguments: [0, 13, 14, 33]) func short(_ length: Int) throws {
    let packet = Packet(
      source: try address("10.0.0.2"), destination: try address("10.0.0.3"), payload: .tcpSynchronize(port: 1))
    let frame = packet.frame(from: [0, 0, 0, 0, 0, 1], to: [0, 0, 0, 0, 0, 2])
    #expect(Sighting(frame: frame.prefix(length)) == nil)
  }
}
