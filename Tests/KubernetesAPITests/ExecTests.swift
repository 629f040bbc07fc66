import Faults
import NIOCore
import NIOHTTP1
import NIOWebSocket
import Synchronization
import Testing

@testable import KubernetesAPI

/// The connection behind it; with a kubelet it is tried by hand, as there is none in tests.
@Suite("A program that is run in a Pod", .timeLimit(.minutes(1))) struct ExecTests {
  private static func frame(
    _ channel: UInt8, _ text: String, opcode: WebSocketOpcode = .binary, isLast: Bool = true,
    mask: WebSocketMaskingKey? = nil
  ) -> WebSocketFrame {
    WebSocketFrame(fin: isLast, opcode: opcode, maskKey: mask, data: ByteBuffer(bytes: [channel] + Array(text.utf8)))
  }

  private static let success = frame(3, #"{"metadata":{},"status":"Success"}"#)

  /// - Returns: its exit code, and what it wrote.
  private static func run(
    _ client: KubernetesClient, input: [String] = []
  ) async throws -> (code: Int32, output: String, error: String) {
    let written = Mutex((output: "", error: ""))
    let pieces = AsyncStream.makeStream(of: ByteBuffer.self)
    for piece in input { pieces.continuation.yield(ByteBuffer(string: piece)) }
    pieces.continuation.finish()
    let code = try await client.exec(
      ["sh", "-c", "a b&c"], inPod: "bot", namespace: "agents", container: "agent", limit: .seconds(30),
      input: pieces.stream
    ) { piece in
      written.withLock {
        switch piece {
        case .standardOutput(let bytes): $0.output += String(buffer: bytes)
        case .standardError(let bytes): $0.error += String(buffer: bytes)
        }
      }
    }
    return written.withLock { (code, $0.output, $0.error) }
  }

  @Test("is given its input to the end, and gives all its output and its exit code") func whole() async throws {
    let frames = [
      Self.frame(1, ""), Self.frame(2, "warn"), Self.success, Self.frame(1, "ou", isLast: false),
      WebSocketFrame(fin: true, opcode: .ping, data: ByteBuffer(string: "?")),
      WebSocketFrame(fin: true, opcode: .continuation, data: ByteBuffer(string: "t")), Self.frame(1, "put"),
    ]
    try await ExecStub.with(ExecStub.Script(frames: frames)) { stub in
      let big = String(repeating: "x", count: 100_000)
      let result = try await stub.client { try await Self.run($0, input: ["ab", big]) }
      #expect(result.code == 0 && result.output == "output" && result.error == "warn")
      #expect(stub.input.last == [255, 0])
      #expect(stub.input.dropLast().allSatisfy { $0.first == 0 && $0.count <= 65_537 })
      #expect(stub.input.dropLast().map { $0.count - 1 }.reduce(0, +) == 100_002)
      #expect(
        stub.uris == [
          "/api/v1/namespaces/agents/pods/bot/exec?command=sh&command=-c&command=a%20b%26c&container=agent&stdin=true"
            + "&stdout=true&stderr=true"
        ])
    }
  }

  @Test("is a failure where what answers breaks a rule") func hostile() async throws {
    let long = ByteBuffer(repeating: 1, count: WebSocketDialer.longestFrame + 1)
    let answers: [([WebSocketFrame], String)] = [
      ([Self.frame(1, "x", opcode: .text)], "kind that is not known"),
      ([Self.frame(9, "x")], "speaks on channel 9"),
      ([Self.frame(1, "x", mask: [1, 2, 3, 4])], "masked"),
      ([Self.frame(1, "x", opcode: .continuation)], "did not begin"),
      ([WebSocketFrame(fin: true, opcode: .binary, data: long)], "more than 1048576 bytes"),
      ([Self.frame(3, String(repeating: " ", count: 70_000))], "status is longer"),
    ]
    for (frames, reason) in answers {
      try await ExecStub.with(ExecStub.Script(frames: frames, closes: false)) { stub in
        await #expect {
          _ = try await stub.client { try await Self.run($0) }
        } throws: { error in
          (error as? Fault)?.code == .failed && "\(error)".contains(reason)
        }
      }
    }
  }

  @Test("is unknown where the connection ends before its exit code") func cutOff() async throws {
    let close = WebSocketFrame(fin: true, opcode: .connectionClose, data: ByteBuffer())
    for frames in [[Self.frame(1, "x")], [Self.frame(1, "x"), close]] {
      try await ExecStub.with(ExecStub.Script(frames: frames)) { stub in
        await #expect {
          _ = try await stub.client { try await Self.run($0) }
        } throws: { ($0 as? Fault)?.code == .unavailable }
      }
    }
  }

  @Test("is refused by a server that does not speak the protocol", arguments: [nil, "v4.channel.k8s.io"])
  func subprotocol(spoken: String?) async throws {
    try await ExecStub.with(ExecStub.Script(subprotocol: spoken, frames: [Self.success])) { stub in
      await #expect {
        _ = try await stub.client { try await Self.run($0) }
      } throws: { ($0 as? Fault)?.code == .unsupported }
      #expect(stub.input.isEmpty)
    }
  }

  @Test("is refused as the API server refuses it, and never asked for twice")
  func refusals() async throws {
    let answers: [(Int, String, Fault.Code)] = [
      (403, "Forbidden", .denied), (401, "Unauthorized", .unauthenticated), (503, "", .unavailable),
    ]
    for (code, reason, fault) in answers {
      try await APIServerStub.with({ _, _ in .status(code, reason) }) { stub in
        await #expect {
          _ = try await stub.client { try await Self.run($0) }
        } throws: { ($0 as? Fault)?.code == fault }
        #expect(stub.requests.count == 1)
        #expect(stub.requests.first?.headers["Sec-WebSocket-Protocol"] == ["v5.channel.k8s.io"])
        // An API server answers 406 to who takes JSON alone.
        #expect(stub.requests.first?.headers["Accept"] == ["application/json, */*"])
      }
    }
  }

  @Test("is told nothing, and no token, by a server that shows another's certificate") func identity() async throws {
    try await APIServerStub.with({ _, _ in .status(403, "Forbidden") }) { stub in
      let token = CredentialSource(token: .inline(SecretBytes(Array("secret".utf8))))
      let foreign = try stub.configuration(token, name: "other.example.com")
      await #expect {
        _ = try await stub.client(foreign) { try await Self.run($0) }
      } throws: { error in
        (error as? Fault)?.code == .unavailable && "\(error)".contains("certificate")
      }
      #expect(stub.requests.isEmpty)
    }
  }

  @Test("is given nothing and told nothing of where its caller does not want it to run") func unwanted() async throws {
    let frames = [Self.frame(1, "x"), Self.success]
    try await ExecStub.with(ExecStub.Script(frames: frames, closes: false)) { stub in
      await #expect {
        _ = try await stub.client { client in
          let input = AsyncStream { $0.yield(ByteBuffer(string: "secret")) }
          return try await client.exec(
            ["cat"], inPod: "bot", namespace: "agents", container: "agent", limit: .seconds(30), input: input,
            opened: { throw Fault(.conflict, operation: "run", reason: "another Pod", remedy: "again") }
          ) { _ in Issue.record("it is told") }
        }
      } throws: { ($0 as? Fault)?.code == .conflict }
      #expect(stub.input.isEmpty)
    }
  }

  @Test("is left when its caller is cancelled, or its output is not wanted") func cancelled() async throws {
    try await ExecStub.with(ExecStub.Script(frames: [Self.frame(1, "x")], closes: false)) { stub in
      try await stub.client { client in
        let began = AsyncStream.makeStream(of: Void.self)
        let open = AsyncStream.makeStream(of: ByteBuffer.self)
        let task = Task {
          try await client.exec(
            ["cat"], inPod: "bot", namespace: "agents", container: "agent", limit: .seconds(30), input: open.stream
          ) { _ in began.continuation.yield() }
        }
        for await _ in began.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await stub.ended()
        // Its input has not ended.
        #expect(stub.input.isEmpty)

        struct Unwanted: Error {}
        await #expect(throws: Unwanted.self) {
          _ = try await client.exec(
            ["cat"], inPod: "bot", namespace: "agents", container: "agent", limit: .seconds(30), input: open.stream
          ) { _ in throw Unwanted() }
        }
        await stub.ended()
      }
    }
  }
}
