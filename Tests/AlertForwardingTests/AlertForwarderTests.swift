import APIModel
import AgentModel
import Faults
import Foundation
import Glibc
import Logging
import Synchronization
import Testing

@testable import AlertForwarding

@Suite("Alerts that are forwarded", .timeLimit(.minutes(1))) struct AlertForwarderTests {
  private static let secret = "a secret of many bytes"
  private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

  private func outlet(_ url: String) throws -> WebhookOutlet {
    WebhookOutlet(
      try #require(WebhookURL(url)), secret: try WebhookSecret(Array(Self.secret.utf8), source: "the test"))
  }

  /// Runs `body` while a forwarder to these outlets delivers, with hardly a pause after a failure.
  private func forwarding(
    to outlets: [any Outlet], _ body: (AlertForwarder) async throws -> Void
  ) async throws {
    let delays = RetryDelays(first: .milliseconds(1), longest: .milliseconds(10))
    let forwarder = AlertForwarder(outlets, retry: delays, logger: Self.logger)
    let running = Task { await forwarder.run() }
    do { try await body(forwarder) } catch {
      running.cancel()
      await running.value
      throw error
    }
    running.cancel()
    await running.value
  }

  @Test("are posted as Falco's JSON, in their order, with a signature of each body") func webhook() async throws {
    let server = try StubServer()
    defer { server.close() }
    try await forwarding(to: [try outlet(server.url)]) { forwarder in
      let alerts = [alert("one"), alert("two")]
      for alert in alerts { forwarder.forward(alert) }
      let requests = await server.requests(2)
      let lines = try alerts.map { try $0.falcoLine() }
      #expect(requests.map(\.body) == lines)
      for request in requests {
        #expect(request.head.hasPrefix("POST /hook HTTP/1.1"))
        #expect(request.header("content-type") == "application/json")
      }
      // By another program's reckoning: printf … | openssl dgst -sha256 -hmac 'a secret of many bytes'
      let known = try WebhookSecret(Array(Self.secret.utf8), source: "the test")
      #expect(known.signature(of: Array("{}".utf8)) == Self.signatureOfBraces)
      let signatures = requests.compactMap { $0.header("x-lobstack-signature") }
      #expect(signatures == lines.map(known.signature))
    }
  }

  private static let signatureOfBraces = "sha256=c92ca86c8098c598afe9e6b875a32b1339e2677cea049bf4fc8776fddee95009"

  @Test("are posted again until the server takes them, and before the next") func retries() async throws {
    let server = try StubServer(statuses: [503, 401, 204])
    defer { server.close() }
    try await forwarding(to: [try outlet(server.url)]) { forwarder in
      for name in ["one", "two"] { forwarder.forward(alert(name)) }
      let requests = await server.requests(4)
      let bodies = try ["one", "one", "one", "two"].map { try alert($0).falcoLine() }
      #expect(requests.map(\.body) == bodies)
      #expect(forwarder.dropped == ["webhook": 0])
    }
  }

  @Test("are dropped and counted when the server will never take them") func refused() async throws {
    let server = try StubServer(statuses: [400])
    defer { server.close() }
    try await forwarding(to: [try outlet(server.url)]) { forwarder in
      for name in ["one", "two"] { forwarder.forward(alert(name)) }
      let requests = await server.requests(2)
      let second = try alert("two").falcoLine()
      #expect(requests.last?.body == second)
      #expect(forwarder.dropped == ["webhook": 1])
    }
  }

  @Test("wait for an outlet that is away: ten thousand of them, the rest is counted") func bound() async throws {
    let outlet = GatedOutlet()
    let forwarder = AlertForwarder([outlet], logger: Self.logger)
    for number in 0..<(OutletQueue.longest + 3) { forwarder.forward(alert("\(number)")) }
    #expect(forwarder.dropped == ["gated": 3])
    let running = Task { await forwarder.run() }
    let delivered = await outlet.delivered(OutletQueue.longest)
    #expect(delivered == (0..<OutletQueue.longest).map { "\($0)" })
    running.cancel()
    await running.value
  }

  @Test("go together as far as an outlet takes several, in their order, without the one that it will never take")
  func batches() async throws {
    let outlet = BatchOutlet()
    let forwarder = AlertForwarder(
      [outlet], retry: RetryDelays(first: .milliseconds(1), longest: .milliseconds(1)), logger: Self.logger)
    for number in 0..<8 { forwarder.forward(alert("\(number)")) }
    #expect(forwarder.waiting == ["batches": 8])
    let running = Task { await forwarder.run() }
    while forwarder.waiting != ["batches": 0] { await Task.yield() }
    running.cancel()
    await running.value
    // The outlet was away once, took two of three, and refuses the sixth.
    let taken = outlet.taken.withLock { $0 }
    #expect(taken == [["0", "1"], ["2", "3"], ["4"], ["6", "7"]])
    #expect(forwarder.dropped == ["batches": 1])
  }

  @Test("are lines of a file, which may be replaced and may be away") func file() async throws {
    let directory = NSTemporaryDirectory() + "lobstack-forward-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = "\(directory)/alerts.jsonl"
    let outlet = LogFileOutlet(path: path)
    // It is made by root, where the control plane could not.
    await #expect(throws: Fault.self) { try await outlet.deliver(alert("one")) }
    for names in [["one", "two"], ["three"]] {
      try Data().write(to: URL(filePath: path), options: .atomic)
      for name in names { try await outlet.deliver(alert(name)) }
      let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { Array($0.utf8) }
      let expected = try names.map { try alert($0).falcoLine() }
      #expect(lines == expected)
    }
  }

  @Test("are datagrams of syslog, on this machine and over UDP") func syslog() async throws {
    let path = NSTemporaryDirectory() + "lobstack-\(UUID().uuidString.prefix(8)).log"
    let local = try DatagramSocket(path: path)
    defer { unlink(path) }
    try await SyslogOutlet(try #require(SyslogAddress(path))).deliver(alert("one"))
    let message = try #require(local.receive())
    // Severity 4 of facility 10; RFC 5424 §6.2.1.
    #expect(message.hasPrefix("<84>1 1970-01-01T00:00:01.500000Z host-1 lobstack \(getpid()) alert - {"))
    let line = String(decoding: try alert("one").falcoLine(), as: UTF8.self)
    #expect(message.hasSuffix(line))
    let remote = try DatagramSocket()
    let address = try #require(SyslogAddress("udp://127.0.0.1:\(remote.port)"))
    try await SyslogOutlet(address).deliver(alert("two"))
    #expect(remote.receive()?.contains("\"uuid\":\"two\"") == true)
  }

  @Test("fit into a datagram, the long ones without their fields, and are JSON still") func longMessage() throws {
    var long = alert("long")
    long.output = String(repeating: "ü\u{1}", count: 5_000)
    long.outputFields = ["proc.cmdline": .string(long.output)]
    let message = try SyslogMessage(long, process: 1).bytes
    #expect(message.count <= SyslogMessage.longest)
    let start = try #require(message.firstIndex(of: UInt8(ascii: "{")))
    let object = try JSONSerialization.jsonObject(with: Data(message[start...])) as? [String: Any]
    #expect(object?["uuid"] as? String == "long")
  }

  @Test("go where an address says that is one") func addresses() {
    for text in ["/dev/log", "udp://10.0.0.5:514", "udp://[fd00::1]:514"] {
      #expect(SyslogAddress(text)?.description == text)
    }
    for text in ["", "dev/log", "tcp://10.0.0.5:514", "udp://log.example.org:514", "udp://10.0.0.5"] {
      #expect(SyslogAddress(text) == nil, "\(text)")
    }
    for text in [
      "https://siem.example.org/lobstack", "http://127.0.0.1:2801/", "http://[::1]/x", "http://localhost:80?a=b",
    ] {
      #expect(WebhookURL(text) != nil, "\(text)")
    }
    for text in [
      "http://siem.example.org/", "http://127.0.0.1.example.org/", "http://localhost@example.org/", "ftp://localhost/",
      "https://", "https://user:pass@example.org/", "https://example.org/#a", "http://127.0.0.1:80x/",
    ] {
      #expect(WebhookURL(text) == nil, "\(text)")
    }
  }

  @Test("are signed by a secret that nobody else may read, and that cannot be guessed") func secretFile() throws {
    let path = NSTemporaryDirectory() + "lobstack-secret-\(UUID().uuidString)"
    defer { unlink(path) }
    func write(_ text: String, mode: mode_t) throws {
      unlink(path)
      try Data(text.utf8).write(to: URL(filePath: path))
      chmod(path, mode)
    }
    func code() -> Fault.Code? {
      do { _ = try WebhookSecret(file: path) } catch { return (error as? Fault)?.code }
      return nil
    }
    #expect(code() == .notFound)
    try write("\(Self.secret)\n", mode: 0o400)
    let secret = try WebhookSecret(file: path)
    #expect(secret.signature(of: Array("{}".utf8)) == Self.signatureOfBraces)
    #expect("\(secret)" == "[webhook secret]")
    try write("short\n", mode: 0o400)
    #expect(code() == .invalid)
    try write("\(Self.secret)\n", mode: 0o444)
    #expect(code() == .denied)
  }
}

func alert(_ id: String) -> AlertResource {
  AlertResource(
    id: id, time: Date(timeIntervalSince1970: 1.5), rule: "Shell spawned", priority: "Warning", source: "syscall",
    agent: AgentID("acme/bot"), container: "default.0123456789abcdef", hostname: "host-1", output: "a shell",
    outputFields: ["proc.pid": .int(1)], tags: ["shell"], response: "alert", responseState: .none)
}

/// Takes what comes, and tells it.
private final class GatedOutlet: SingleOutlet {
  let name = "gated"
  private let taken = Mutex<[String]>([])
  private let news = AsyncStream.makeStream(of: Void.self)

  func deliver(_ alert: AlertResource) async throws {
    taken.withLock { $0.append(alert.id) }
    news.continuation.yield()
  }

  func close() async {}

  func delivered(_ count: Int) async -> [String] {
    for await _ in news.stream {
      let names = taken.withLock { $0 }
      if names.count >= count { return names }
    }
    return []
  }
}

/// Takes two of three at once, and one of them never; is away at first.
private final class BatchOutlet: Outlet {
  let name = "batches"
  let longestBatch = 3
  let taken = Mutex<[[String]]>([])
  private let wasAway = Mutex(false)

  func deliver(_ alerts: [AlertResource]) async throws -> Int {
    let isFirst = wasAway.withLock { wasAway in
      defer { wasAway = true }
      return !wasAway
    }
    guard !isFirst else { throw Fault(.unavailable, operation: "deliver", reason: "away", remedy: "wait") }
    guard !alerts.contains(where: { $0.id == "5" }) else {
      throw Fault(.invalid, operation: "deliver", reason: "no", remedy: "none")
    }
    let batch = alerts.prefix(2).map(\.id)
    taken.withLock { $0.append(batch) }
    return batch.count
  }

  func close() async {}
}

/// A socket that datagrams come to, with a second's patience.
final class DatagramSocket {
  private let descriptor: Int32
  private(set) var port: UInt16 = 0

  init(path: String) throws {
    descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    try bind(to: &address)
  }

  init() throws {
    descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    try bind(to: &address)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
    }
    port = UInt16(bigEndian: address.sin_port)
  }

  deinit { close(descriptor) }

  func receive() -> String? {
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }

  private func bind<Address>(to address: inout Address) throws {
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    let bound = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
      }
    }
    guard bound == 0 else { throw POSIXError(.EADDRINUSE) }
  }
}
