import ChildProcess
import Foundation
import Glibc
import Testing

@testable import Verification

@Suite("A probe's message") struct ProbeMessageTests {
  @Test("asks for a name, and the witness world's answer spells its address") func names() throws {
    let address = try #require(IPAddress("93.184.216.34"))
    let query = NameQuery(name: "\(NameServer.label(of: address)).probe.example")
    let answer = try #require(NameServer.answer(to: query.bytes).flatMap { NameAnswer($0, to: query.bytes) })
    #expect(answer.code == 0 && answer.records == 1)
    #expect(answer.address == address)
    #expect(query.framed.count == query.bytes.count + 2)
  }

  @Test(
    "gets no record for a name that spells no address, or for another type",
    arguments: [("probe.example", 1), ("a-1-2-3-4.example", 16)])
  func noRecord(_ name: String, _ type: UInt16) throws {
    let query = NameQuery(name: name, type: type).bytes
    let answer = try #require(NameServer.answer(to: query).flatMap { NameAnswer($0, to: query) })
    #expect(answer.records == 0 && answer.address == nil)
  }

  @Test("that is cut short is none", arguments: [0, 11, 17]) func short(_ length: Int) {
    let query = NameQuery(name: "a-1-2-3-4.example").bytes
    let bytes = Array(query.prefix(length))
    #expect(NameServer.answer(to: bytes) == nil)
    #expect(NameAnswer(bytes, to: query) == nil)
  }

  @Test("takes the answer to another query for none") func strangers() throws {
    let query = NameQuery(name: "a-1-2-3-4.example", id: 7)
    let others = [
      NameQuery(name: "a-1-2-3-4.example", id: 8), NameQuery(name: "a-1-2-3-5.example", id: 7),
      NameQuery(name: "a-1-2-3-4.example", type: 28, id: 7),
    ]
    for other in others {
      let answer = try #require(NameServer.answer(to: other.bytes))
      #expect(NameAnswer(answer, to: other.bytes) != nil)
      #expect(NameAnswer(answer, to: query.bytes) == nil)
    }
    #expect(NameAnswer([0, 7, 0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0], to: query.bytes)?.code == 1)
  }

  @Test("goes out as one datagram, whatever bytes it has, and its answer comes back whole") func datagram() async throws
  {
    let all = Array(UInt8.min ... .max)
    let socket = try boundSocket(SOCK_DGRAM, AF_INET, interface: nil, port: 0)
    let dial = Dial(address: "127.0.0.1", port: try localPort(socket), bytes: all, isDatagram: true)
    async let printed = Command("bash", ["-c", dial.script(7) + "\nwait"]).check()
    var from = sockaddr_in6()
    var buffer = [UInt8](repeating: 0, count: 1_024)
    var count = -1
    for _ in 0..<1_000 where count < 0 {
      count = withSender(&from) { recvfrom(socket.number, &buffer, buffer.count, Int32(MSG_DONTWAIT), $0, $1) }
      try await Task.sleep(for: .milliseconds(5))
    }
    #expect(Array(buffer.prefix(max(count, 0))) == all)
    let sent = withUnsafePointer(to: &from) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(socket.number, all, all.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    #expect(sent == all.count)
    #expect(try await printed == "#7 \(Data(all).base64EncodedString())\n")
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
