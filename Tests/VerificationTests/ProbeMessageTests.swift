import Testing

@testable import Verification

@Suite("A probe's message") struct ProbeMessageTests {
  @Test("asks for a name, and the witness world's answer spells its address") func names() throws {
    let address = try #require(IPAddress("93.184.216.34"))
    let query = NameQuery(name: "\(NameServer.label(of: address)).probe.example")
    let answer = try #require(NameServer.answer(to: query.bytes).flatMap { NameAnswer($0) })
    #expect(answer.code == 0 && answer.records == 1)
    #expect(answer.address == address)
    #expect(query.framed.count == query.bytes.count + 2)
  }

  @Test(
    "gets no record for a name that spells no address, or for another type",
    arguments: [("probe.example", 1), ("a-1-2-3-4.example", 16)])
  func noRecord(_ name: String, _ type: UInt16) throws {
    let bytes = try #require(NameServer.answer(to: NameQuery(name: name, type: type).bytes))
    let answer = try #require(NameAnswer(bytes))
    #expect(answer.records == 0 && answer.address == nil)
  }

  @Test("that is cut short is none", arguments: [0, 11, 17]) func short(_ length: Int) {
    let bytes = Array(NameQuery(name: "a-1-2-3-4.example").bytes.prefix(length))
    #expect(NameServer.answer(to: bytes) == nil)
    #expect(NameAnswer(bytes) == nil)
  }

  @Test("of TLS has the lengths that it says, with and without a server's name", arguments: ["probe.example", nil])
  func hello(_ name: String?) {
    let bytes = ClientHello(serverName: name).bytes
    #expect(Int(bytes[3]) << 8 | Int(bytes[4]) == bytes.count - 5)
    #expect(Int(bytes[7]) << 8 | Int(bytes[8]) == bytes.count - 9)
    #expect(bytes.count > 5 + 4 + 2 + 32)
  }

  @Test("of HTTP/2 is answered well by 200 alone") func http2() {
    func headers(_ payload: [UInt8]) -> [UInt8] { [0, 0, UInt8(payload.count), 1, 4, 0, 0, 0, 1] + payload }
    let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
    #expect(PlainHTTP2.isSuccess(settings + headers([0x20, 0x88])))
    #expect(!PlainHTTP2.isSuccess(settings + headers([0x8d])))
    #expect(!PlainHTTP2.isSuccess(settings))
    #expect(PlainHTTP2.request(host: "a", path: "/").starts(with: Array("PRI * HTTP/2.0".utf8)))
  }
}
