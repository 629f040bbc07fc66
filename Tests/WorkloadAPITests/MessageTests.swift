import AgentModel
import Testing

@testable import WorkloadAPI

@Suite("The messages") struct MessageTests {
  @Test("are those of protocol buffers") func bytes() throws {
    var writer = MessageWriter()
    writer.append(1, "testing")
    writer.append(2) { $0.append(1, [150, 1]) }
    writer.append(16, "")
    writer.append(3, 1.0)
    #expect(
      writer.bytes == [0x0A, 7] + Array("testing".utf8) + [
        0x12, 4, 0x0A, 2, 150, 1, 0x82, 1, 0, 0x19, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F,
      ])
    var long = MessageWriter()
    long.append(1, [UInt8](repeating: 7, count: 300))
    #expect(long.bytes.prefix(3) == [0x0A, 0xAC, 0x02])
  }

  @Test("are read whatever else they hold") func unknown() throws {
    var writer = MessageWriter()
    writer.append(9, "later")
    writer.append(1, "a")
    writer.append(7, 2.5)
    writer.append(1, "b")
    writer.append(2, "spiffe://x/y")
    // A number, and four fixed bytes.
    let message = writer.bytes + [0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01, 0x35, 1, 2, 3, 4]
    #expect(
      try WorkloadRequest(path: "/SpiffeWorkloadAPI/FetchJWTSVID", message: message)
        == .jwtSVID(audience: ["a", "b"], id: "spiffe://x/y"))
    #expect(try WorkloadRequest(path: "/SpiffeWorkloadAPI/FetchX509SVID", message: message) == .x509SVID)
    #expect(
      try WorkloadRequest(path: "/SpiffeWorkloadAPI/ValidateJWTSVID", message: message)
        == .validateJWTSVID(audience: "b", token: "spiffe://x/y"))
    #expect(try WorkloadRequest(path: "/SpiffeWorkloadAPI/Fetch", message: []) == nil)
  }

  @Test(
    "are refused when they are broken",
    arguments: [
      [0x0A], [0x0A, 1], [0x0A, 0xFF], [0x0A, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02], [0x00, 0],
      [0x02, 0], [0x0B], [0x0C], [0x0E], [0x0F], [0x09, 0], [0x0D, 0], [0x08],
      [0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], [0x0A, 1, 0xFF],
      [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0],
    ] as [[UInt8]]) func broken(message: [UInt8])
  {
    #expect(throws: MessageReader.Malformed.self) {
      try WorkloadRequest(path: "/SpiffeWorkloadAPI/FetchJWTSVID", message: message)
    }
  }

  @Test("never crash the reader") func fuzz() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let message = (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255, using: &random) }
      // Either outcome will do; only a crash will not.
      _ = try? WorkloadRequest(path: "/SpiffeWorkloadAPI/FetchJWTSVID", message: message)
    }
  }

  @Test("of a status fit in a header") func status() {
    #expect(CallStatus(.internal, "100% ü\n").headerMessage == "100%25 %C3%BC%0A")
  }

  @Test("about users know no user without a number") func table() throws {
    let id = try #require(SPIFFEID("spiffe://lobstack.local/ns/acme/agent/a"))
    let table = WorkloadTable([65534: [id], 1000: [id], 1001: []])
    #expect(table.identities(of: 65534) == [])
    #expect(table.identities(of: 1001) == [])
    #expect(table.identities(of: 1000) == [id])
    table.replace([:])
    #expect(table.identities(of: 1000) == [])
  }
}
