import AgentModel
import Faults
import Framing
import Glibc
import Logging
import NIOCore
import NodeProtocol
import Testing

/// Behaves like a node that echoes: its exec sends standard input back.
private struct EchoNode: NodeRequestHandling {
  func answer(_ request: NodeRequest) async -> NodeReply {
    if case .observe(let agents, _) = request {
      return .observed(ObservedState(revision: 1, agents: (0..<agents).compactMap { observed(Int($0)) }))
    }
    guard case .apply(let state) = request else {
      return .failed(Fault(.unsupported, operation: "answer", reason: "only apply", remedy: "ask for apply"))
    }
    return .accepted(revision: state.revision)
  }

  private func observed(_ number: Int) -> ObservedAgent? {
    AgentID("acme/bot-\(number)").map {
      ObservedAgent(id: $0, uid: .random(), generation: 1, phase: .running, reason: String(repeating: "r", count: 900))
    }
  }

  func serve(
    _ request: NodeRequest, input: AsyncStream<Frame>, output: @escaping @Sendable (Frame) async throws -> Void
  ) async throws {
    for await frame in input {
      if frame.kind == .endOfInput { break }
      try await output(Frame(.standardOutput, frame.payload))
    }
    try await output(try Frame.json(.exit, StreamExit(code: 7)))
  }
}

@Suite("The node's socket", .timeLimit(.minutes(1))) struct NodeConversationTests {
  private func withServer(
    allowing users: Set<UInt32> = [getuid()], _ body: (NodeClient) async throws -> Void
  ) async throws {
    let path = "/tmp/lobstack-test-\(AgentUID.random()).sock"
    let server = NodeServer(
      socket: path, allowedUsers: users, handler: EchoNode(), logger: Logger(label: "test"))
    let serving = Task { try await server.run() }
    defer {
      serving.cancel()
      unlink(path)
    }
    while access(path, F_OK) != 0 { try await Task.sleep(for: .milliseconds(5)) }
    try await body(NodeClient(socket: path))
  }

  @Test("answers a request") func answers() async throws {
    try await withServer { client in
      try await client.apply(DesiredState(revision: 3, agents: []))
    }
  }

  @Test("answers at any length, however fast the answer is read") func longAnswers() async throws {
    try await withServer { client in
      // Of twice to eight times what the kernel takes at once.
      for agents in [UInt64(500), 1_000, 2_000] {
        for _ in 0..<20 {
          let observed = try await client.observe(after: agents, waitSeconds: 0)
          #expect(observed.agents.count == Int(agents))
        }
      }
    }
  }

  @Test("hands a fault on whole") func faults() async throws {
    try await withServer { client in
      let fault = await #expect(throws: Fault.self) { try await client.describe() }
      #expect(fault?.code == .unsupported)
    }
  }

  @Test("turns away a peer that the kernel says is somebody else") func refuses() async throws {
    try await withServer(allowing: [4_000_000]) { client in
      let fault = await #expect(throws: Fault.self) { try await client.apply(DesiredState(revision: 1, agents: [])) }
      #expect(fault?.code == .denied)
    }
  }

  @Test("carries a program's input and output to the end") func streams() async throws {
    try await withServer { client in
      let (input, feed) = AsyncStream.makeStream(of: Frame.self)
      for number in 0..<200 { feed.yield(Frame(.standardInput, ByteBuffer(string: "\(number) "))) }
      feed.finish()
      let collector = Collector()
      try await client.exec(uid: .random(), command: ["x"], env: [:], directory: nil, input: input) { frame in
        await collector.add(frame)
      }
      #expect(await collector.text == (0..<200).map { "\($0) " }.joined())
      #expect(await collector.exit == 7)
    }
  }

  @Test("that nobody listens on is told with its path") func absent() async throws {
    let fault = await #expect(throws: Fault.self) { try await NodeClient(socket: "/nonexistent.sock").describe() }
    #expect(fault?.code == .unavailable)
    #expect(fault?.operation.contains("/nonexistent.sock") == true)
  }
}

private actor Collector {
  private(set) var text = ""
  private(set) var exit: Int32?

  func add(_ frame: Frame) {
    if frame.kind == .standardOutput { text += String(buffer: frame.payload) }
    // A frame that does not decode leaves `exit` nil, and the test fails.
    if frame.kind == .exit { exit = (try? frame.decode(StreamExit.self))?.code }
  }
}
