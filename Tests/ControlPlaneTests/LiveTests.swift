import APIClient
import APIModel
import AgentModel
import CertificateAuthority
import Faults
import Foundation
import Logging
import NIOCore
import NIOPosix
import Storage
import Synchronization
import Testing

@testable import ControlPlane

/// The whole service on a real socket, with the real client.
@Suite("The control plane on its socket", .timeLimit(.minutes(1))) struct LiveTests {
  struct Live: Sendable {
    let layout: InstanceLayout
    let node: FakeNode
    let audit: FakeAudit
    let secret: String
    let client: APIClient
  }

  static func with(
    _ limits: APILimits = APILimits(), _ body: @escaping @Sendable (Live) async throws -> Void
  ) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-live-\(UUID().uuidString.prefix(8))"
    let layout = InstanceLayout(stateDirectory: directory)
    for path in [layout.apiDirectory, layout.controlPlaneDirectory, "\(layout.runDirectory)/mesh"] {
      try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let secret = TokenSecret.random()
    let key = StoreKey(SecretValue([UInt8](repeating: 7, count: 32)))
    let store = try await Store.open(path: layout.database, key: key)
    try await store.insert(
      TokenResource(
        id: "live", name: "live", role: .admin, tenant: nil, createdAt: .now, expiresAt: nil, lastUsedAt: nil),
      hash: TokenSecret.hash(secret))
    try store.close()
    let node = FakeNode()
    let audit = FakeAudit()
    let (running, announce) = AsyncStream.makeStream(of: Void.self)
    let authorityDirectory = "\(layout.controlPlaneDirectory)/ca"
    try FileManager.default.createDirectory(atPath: authorityDirectory, withIntermediateDirectories: true)
    let root = try RootAuthority.open(in: authorityDirectory, for: .default, at: .now)
    let service = try await ControlPlaneService.open(
      layout: layout, authority: Authority(trustDomain: .default, at: .now), gateway: nil,
      policyDirectory: Platform.policyDirectory,
      limits: limits,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
      store: try await Store.open(path: layout.database, key: key), audit: audit, node: node,
      secrets: FakeSecrets(), root: FileRoot(root: root)
    ) { announce.yield() }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await service.run() }
      var listeners = 0
      for await _ in running {
        listeners += 1
        if listeners == 2 { break }
      }
      let client = APIClient(address: .unix(layout.apiSocket), token: secret)
      do {
        try await body(
          Live(layout: layout, node: node, audit: audit, secret: secret, client: client))
      } catch {
        try await client.shutdown()
        throw error
      }
      try await client.shutdown()
      group.cancelAll()
      try await group.waitForAll()
    }
  }

  /// Creates an agent and waits until it runs.
  private static func running(_ name: String, _ client: APIClient) async throws -> AgentID {
    while true {
      do { try await client.ready() } catch {
        try await Task.sleep(for: .milliseconds(20))
        continue
      }
      break
    }
    let id = try await client.createAgent(document: document(name)).id
    while try await client.agent(id).status.phase != .running { try await Task.sleep(for: .milliseconds(20)) }
    return id
  }

  @Test("reconciles by itself: an agent runs soon after its creation, and is gone soon after its deletion")
  func reconciles() async throws {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      try await live.client.deleteAgent(id)
      while true {
        do { _ = try await live.client.agent(id) } catch let fault as Fault where fault.code == .notFound { break }
        try await Task.sleep(for: .milliseconds(20))
      }
      let status = try await live.client.status()
      #expect(status.components.allSatisfy { $0.state == "ready" })
    }
  }

  @Test("streams an exec both ways at once") func duplex() async throws {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
      let received = Mutex<[String]>([])
      feed.yield(Array("one".utf8))
      let code = try await live.client.exec(id, ExecRequest(command: ["cat"]), input: input) { piece in
        guard case .standardOutput(let bytes) = piece else { return }
        let text = String(decoding: bytes, as: UTF8.self)
        received.withLock { $0.append(text) }
        // Each answer causes the next input: neither side waits for the other's end.
        if text == "one" { feed.yield(Array("two".utf8)) } else { feed.finish() }
      }
      #expect(code == 0)
      #expect(received.withLock { $0 } == ["one", "two"])
      let large = [UInt8](repeating: 7, count: 3_000_000)
      let count = Mutex(0)
      let echo = try await live.client.exec(
        id, ExecRequest(command: ["cat"]),
        input: AsyncStream {
          $0.yield(large); $0.finish()
        }
      ) { piece in
        if case .standardOutput(let bytes) = piece { count.withLock { $0 += bytes.count } }
      }
      #expect(echo == 0 && count.withLock { $0 } == large.count)
      #expect(await live.audit.count("agent.exec", "allowed") == 2)
      // The client has its answer before the outcome is recorded.
      while await live.audit.count("agent.exec", "exited 0") < 2 { try await Task.sleep(for: .milliseconds(10)) }
    }
  }

  @Test("tells the exit code and the fault of an exec; input that never ends holds nothing up") func ends() async throws
  {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      let (silence, feed) = AsyncStream.makeStream(of: [UInt8].self)
      let code = try await live.client.exec(id, ExecRequest(command: ["fail", "42"]), input: silence) { _ in }
      #expect(code == 42)
      _ = feed
      let (other, otherFeed) = AsyncStream.makeStream(of: [UInt8].self)
      await #expect(throws: Fault.self) {
        try await live.client.exec(id, ExecRequest(command: ["refuse"]), input: other) { _ in }
      }
      _ = otherFeed
      for bad in [
        ExecRequest(command: []), ExecRequest(command: ["a\u{0}"]), ExecRequest(command: ["a"], env: ["A=B": "c"]),
        ExecRequest(command: ["a"], directory: "relative"),
        ExecRequest(command: ["a", String(repeating: "x", count: 300_000)]),
      ] {
        let fault = await #expect(throws: Fault.self) {
          try await live.client.exec(id, bad, input: AsyncStream { $0.finish() }) { _ in }
        }
        #expect(fault?.code == .invalid)
      }
      // The connections that carried these serve on.
      _ = try await live.client.status()
    }
  }

  @Test("brings every piece and the exit code to a client that reads slowly") func slowReader() async throws {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
      feed.finish()
      let text = Mutex("")
      let code = try await live.client.exec(id, ExecRequest(command: ["count", "300"]), input: input) { piece in
        guard case .standardOutput(let bytes) = piece else { return }
        text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
        // The program ends meanwhile, and with it the server's part.
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(code == 0 && text.withLock { $0 } == (1...300).map { "\($0) " }.joined())
    }
  }

  @Test("closes a connection on which nothing moves, but none whose program says nothing") func idle() async throws {
    var limits = APILimits()
    // Longer than a request takes on a busy machine.
    limits.idle = .seconds(2)
    try await Self.with(limits) { live in
      let id = try await Self.running("bot", live.client)
      let (silence, feed) = AsyncStream.makeStream(of: [UInt8].self)
      let code = try await live.client.exec(id, ExecRequest(command: ["nap", "4500"]), input: silence) { _ in }
      #expect(code == 0)
      feed.finish()
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connect(unixDomainSocketPath: live.layout.apiSocket).get()
      try await channel.writeAndFlush(ByteBuffer(string: "GET /v1/status HTTP/1.1\r\nHost: x\r\n"))
      try await channel.closeFuture.get()
    }
  }

  @Test("ends a program whose client is gone, its input ended or not", arguments: [true, false])
  func clientGone(inputEnds: Bool) async throws {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      let (input, feed) = AsyncStream.makeStream(of: [UInt8].self)
      if inputEnds { feed.finish() }
      let exec = Task {
        try await live.client.exec(id, ExecRequest(command: ["sleep"]), input: input) { _ in }
      }
      while await live.audit.count("agent.exec", "allowed") == 0 { try await Task.sleep(for: .milliseconds(10)) }
      try await Task.sleep(for: .milliseconds(100))
      exec.cancel()
      while await !live.node.cancelled.contains("sleep") { try await Task.sleep(for: .milliseconds(10)) }
      while await live.audit.count("agent.exec", "cut off") == 0 { try await Task.sleep(for: .milliseconds(10)) }
      feed.finish()
    }
  }

  @Test("sends logs, and follows them until the client is gone") func logs() async throws {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      let text = Mutex("")
      try await live.client.logs(id, tailBytes: 4) { bytes in
        text.withLock { $0 += String(decoding: bytes, as: UTF8.self) }
      }
      #expect(text.withLock { $0 } == "one\n")
      let (seen, saw) = AsyncStream.makeStream(of: Void.self)
      let follower = Task { try await live.client.logs(id, follow: true) { _ in saw.yield() } }
      for await _ in seen { break }
      follower.cancel()
      while await !live.node.cancelled.contains("logs") { try await Task.sleep(for: .milliseconds(10)) }
    }
  }

  @Test(
    "tells an alert to its followers when it is stored, and again when its response is over",
    .enabled(if: geteuid() == 0))
  func alerts() async throws {
    try await Self.with { live in
      let root = APIClient(address: .unix(live.layout.apiSocket))
      let (events, told) = AsyncStream.makeStream(of: AlertEvent.self)
      let follower = Task { try await live.client.followAlerts { told.yield($0) } }
      var seen = events.makeAsyncIterator()
      var event = await seen.next()
      #expect(event == .reached(place: 0))
      var one = alert(container: "default.0123456789abcdef")
      try await root.reportAlerts([one])
      event = await seen.next()
      #expect(event == .alert(one, place: 1))
      one.responseState = .done
      try await root.reportAlerts([one])
      event = await seen.next()
      #expect(event == .alert(one, place: 2))
      follower.cancel()
      // Whoever comes back misses nothing.
      try await live.client.followAlerts(after: 1, follow: false) { told.yield($0) }
      event = await seen.next()
      #expect(event == .reached(place: 1))
      event = await seen.next()
      #expect(event == .alert(one, place: 2))
      let listed = try await live.client.alerts(AlertFilter(priority: .warning))
      #expect(listed.items == [one])
      try await root.shutdown()
    }
  }

  @Test("ends a stream when its token is revoked, and lets one token have a quarter of them") func streams()
    async throws
  {
    try await Self.with { live in
      let id = try await Self.running("bot", live.client)
      let viewer = try await live.client.createToken(
        TokenRequest(name: "eyes", role: .viewer, tenant: nil, expiresInSeconds: nil))
      // A client of its own for each, because one has eight connections at most.
      let most = APILimits().streams / 4
      let clients = (0...most).map { _ in
        APIClient(address: .unix(live.layout.apiSocket), token: viewer.secret)
      }
      let (seen, saw) = AsyncStream.makeStream(of: Void.self)
      let followers = clients.dropLast().map { client in
        Task { try await client.logs(id, follow: true) { _ in saw.yield() } }
      }
      var open = 0
      for await _ in seen {
        open += 1
        if open == most { break }
      }
      let refusal = await #expect(throws: Fault.self) { try await clients[most].logs(id) { _ in } }
      #expect(refusal?.code == .exhausted)
      do { try await live.client.revokeToken(viewer.token.id) } catch { Issue.record(error) }
      for follower in followers {
        await #expect(throws: (any Error).self) { try await follower.value }
      }
      for client in clients { try await client.shutdown() }
    }
  }

  @Test("knows root by the kernel's word", .enabled(if: geteuid() == 0)) func root() async throws {
    try await Self.with { live in
      let client = APIClient(address: .unix(live.layout.apiSocket))
      #expect(try await client.tokens().map(\.name) == ["live"])
      try await client.shutdown()
    }
  }

  @Test("lets everybody connect, because it asks everybody who they are") func mode() async throws {
    try await Self.with { live in
      let attributes = try FileManager.default.attributesOfItem(atPath: live.layout.apiSocket)
      #expect(attributes[.posixPermissions] as? Int == 0o666)
    }
  }

  @Test("says how to start a platform that is not there") func absent() async throws {
    let client = APIClient(address: .unix("/nonexistent/api.sock"))
    let fault = await #expect(throws: Fault.self) { try await client.status() }
    #expect(fault?.code == .unavailable)
    #expect(fault?.remedy.contains("lobstack up") == true)
    try await client.shutdown()
  }
}
