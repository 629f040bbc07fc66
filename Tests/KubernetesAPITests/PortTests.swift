import Foundation
import Glibc
import NIOCore
import NIOWebSocket
import Testing

@testable import KubernetesAPI

@Suite("Messages of a Pod's port") struct PortMessagesTests {
  private func take(_ messages: inout PortMessages, _ bytes: [UInt8], continues: Bool = false, isLast: Bool = true)
    throws -> [UInt8]?
  {
    try messages.take(ByteBuffer(bytes: bytes), continues: continues, isLast: isLast).map {
      Array($0.readableBytesView)
    }
  }

  @Test("are what the port says, once each channel has named it") func data() throws {
    var messages = PortMessages()
    #expect(try take(&messages, [0, 0xF8, 0x24]) == nil)
    #expect(try take(&messages, [1, 0xF8, 0x24]) == nil)
    #expect(try take(&messages, [0, 1, 2], isLast: false) == [1, 2])
    #expect(try take(&messages, [1, 3], continues: true) == [1, 3])
    #expect(try take(&messages, [0]) == nil)
    #expect(try take(&messages, [1] + Array("refused".utf8)) == nil)
    #expect(messages.failure == Array("refused".utf8))
    #expect(Array(PortMessages.data(ByteBuffer(bytes: [9])).readableBytesView) == [0, 9])
  }

  @Test("keep no more of a failure than there is room for") func bounded() throws {
    var messages = PortMessages()
    _ = try take(&messages, [1, 0, 0])
    for _ in 0..<3 { _ = try take(&messages, [1] + [UInt8](repeating: 7, count: 3_000)) }
    #expect(messages.failure.count == PortMessages.longestError)
  }

  @Test("break a rule") func hostile() throws {
    #expect(throws: PortMessages.Violation.channel(2)) {
      var messages = PortMessages()
      _ = try take(&messages, [2, 1])
    }
    #expect(throws: PortMessages.Violation.port) {
      var messages = PortMessages()
      _ = try take(&messages, [0, 1, 2, 3])
    }
    #expect(throws: PortMessages.Violation.order) {
      var messages = PortMessages()
      _ = try take(&messages, [0], continues: true)
    }
  }
}

@Suite("A port of a Pod", .timeLimit(.minutes(1))) struct PortTests {
  private static func frame(_ bytes: [UInt8]) -> WebSocketFrame {
    WebSocketFrame(fin: true, opcode: .binary, data: ByteBuffer(bytes: bytes))
  }

  /// What comes from a port of this machine, to which `text` was said; until `count` bytes have come, or the end.
  private static func exchange(_ port: UInt16, _ text: String, count: Int) async -> [UInt8] {
    // In a thread of its own: what carries the bytes needs those of the pool.
    await withCheckedContinuation { waiting in
      Thread.detachNewThread { waiting.resume(returning: exchangeNow(port, text, count: count)) }
    }
  }

  private static func exchangeNow(_ port: UInt16, _ text: String, count: Int) -> [UInt8] {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(file) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
    let isConnected = withUnsafePointer(to: address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(file, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard isConnected == 0 else { return [] }
    _ = send(file, text, text.utf8.count, Int32(MSG_NOSIGNAL))
    var answer: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 256)
    while answer.count < count {
      let read = recv(file, &piece, piece.count, 0)
      guard read > 0 else { break }
      answer += piece.prefix(read)
    }
    return answer
  }

  @Test("is spoken to by a port of this machine") func whole() async throws {
    let frames = [Self.frame([0, 0, 1]), Self.frame([1, 0, 1]), Self.frame([0] + Array("answer".utf8))]
    try await ExecStub.with(ExecStub.Script(subprotocol: PortMessages.subprotocol, frames: frames)) { stub in
      try await stub.client { client in
        let answer = try await client.withPort(256, ofPod: "recorder-0", namespace: "space") { port in
          await Self.exchange(port, "question", count: 6)
        }
        #expect(answer == Array("answer".utf8))
        await stub.ended()
      }
      #expect(stub.uris == ["/api/v1/namespaces/space/pods/recorder-0/portforward?ports=256"])
    }
  }

  @Test("is closed where what answers does not speak the protocol, or breaks its rules") func hostile() async throws {
    for (spoken, frames) in [("v5.channel.k8s.io", []), (PortMessages.subprotocol, [Self.frame([9, 1])])] {
      try await ExecStub.with(ExecStub.Script(subprotocol: spoken, frames: frames)) { stub in
        try await stub.client { client in
          let answer = try await client.withPort(1, ofPod: "a", namespace: "b") { port in
            await Self.exchange(port, "question", count: 1)
          }
          #expect(answer.isEmpty)
        }
      }
    }
  }

  @Test("ends with what it was opened for, and what that throws") func failure() async throws {
    struct Unwanted: Error {}
    try await ExecStub.with(ExecStub.Script()) { stub in
      try await stub.client { client in
        await #expect(throws: Unwanted.self) {
          _ = try await client.withPort(1, ofPod: "a", namespace: "b") { _ -> Int in throw Unwanted() }
        }
      }
    }
  }
}
