import Faults
import Foundation
import Glibc
import Testing

@testable import APIClient

@Suite("A stream that falls silent", .timeLimit(.minutes(1))) struct SilenceTests {
  /// A server that answers one request with the head of a stream and one event, and then says nothing more.
  private final class MuteServer {
    private let listener: Int32
    let port: UInt16

    init() throws {
      listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let descriptor = listener
      let isBound = withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          bind(descriptor, $0, length) == 0 && listen(descriptor, 4) == 0 && getsockname(descriptor, $0, &length) == 0
        }
      }
      guard isBound else { throw POSIXError(.EADDRINUSE) }
      port = UInt16(bigEndian: address.sin_port)
    }

    deinit { close(listener) }

    func serve() {
      let descriptor = listener
      Thread.detachNewThread {
        let client = accept(descriptor, nil, nil)
        var request = [UInt8](repeating: 0, count: 4_096)
        _ = recv(client, &request, request.count, 0)
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nid: 7\n\n"
        _ = send(client, answer, answer.utf8.count, 0)
        // Until the other side gives up.
        while recv(client, &request, request.count, 0) > 0 {}
        close(client)
      }
    }
  }

  @Test("ends as unavailable, so that its reader follows again from where it was") func mute() async throws {
    let server = try MuteServer()
    server.serve()
    let transport = Transport(address: .gateway("http://127.0.0.1:\(server.port)", roots: nil)) { nil }
    let (places, told) = AsyncStream.makeStream(of: String?.self)
    let fault = await #expect(throws: Fault.self) {
      try await transport.events("/x", operation: "follow", silence: .milliseconds(50)) { told.yield($0.id) }
    }
    told.finish()
    #expect(fault?.code == .unavailable && fault?.reason.contains("nothing came") == true)
    #expect(await places.reduce(into: []) { $0.append($1) } == ["7"])
    try await transport.shutdown()
  }

  @Test("is one where nothing is heard, not one whose reader takes its time") func slow() async throws {
    let value = try await withSilenceLimit(.milliseconds(20), orThrow: CancellationError()) { heard in
      heard.pause()
      try await Task.sleep(for: .milliseconds(60))
      heard.resume()
      return 1
    }
    #expect(value == 1)
  }
}
