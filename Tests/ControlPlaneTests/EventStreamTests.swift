import Faults
import Testing

@testable import APIClient

@Suite("A stream of events") struct EventStreamTests {
  @Test(
    "is cut into events wherever its bytes are cut",
    arguments: [1, 2, 3, 7, 1_000])
  func pieces(size: Int) throws {
    let text =
      "id: 7\n\n: alive\n\nid: 8\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\n"
      + "event: fault\ndata:no\nretry: 5\n\ndata: cut off"
    let bytes = Array(text.utf8)
    var parser = EventStreamParser()
    var events: [ServerEvent] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      events += try parser.events(of: bytes[start..<min(start + size, bytes.count)])
    }
    #expect(
      events == [
        ServerEvent(id: "7"), ServerEvent(id: "8", data: "{\"a\":\n1}"),
        ServerEvent(id: "8", name: "fault", data: "no"),
      ])
  }

  @Test("may not have a line without an end") func bound() {
    var parser = EventStreamParser()
    let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
    #expect(throws: Fault.self) {
      for _ in 0..<5 { _ = try parser.events(of: piece) }
    }
  }
}
