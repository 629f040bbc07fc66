import APIModel
import AgentModel
import Foundation
import Glibc
import NodeProtocol
import Synchronization
import TestSupport
import Testing
import TraceWriting

@testable import Sentinel

/// Whether tests may connect as runsc does. `REQUIRE_ROOT_TESTS=1` turns "skipped" into "failed".
let rootTests = getuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"

func eventually(_ what: String, within limit: Duration = .seconds(20), _ holds: () throws -> Bool) async throws {
  let end = ContinuousClock.now + limit
  while true {
    let isSo = try holds()
    if isSo { return }
    guard ContinuousClock.now < end else { throw TestError(text: "not within \(limit): \(what)") }
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// A detection server of a test's own, its node, and the programs that connect to it; all gone afterwards.
final class DetectionBench {
  static let container = "t.0123456789abcdef"

  /// Two rules: one that only tells, one that is critical.
  static let rules = """
    - rule: Shadow read
      desc: d
      condition: evt.type = openat and fd.name = /etc/shadow
      output: shadow was read (file=%fd.name command=%proc.cmdline)
      priority: WARNING
      tags: [files]
    - rule: Key read
      desc: d
      condition: evt.type = openat and fd.name = /etc/key
      output: the key was read (file=%fd.name)
      priority: CRITICAL
    """

  let server: DetectionServer
  let directory: String
  let node = NodeStub()
  private var clients: [TraceClient] = []
  private var listening: [Task<Void, Never>] = []
  private var told: [AlertResource] = []
  private var revision: UInt64 = 0

  var socket: String { Self.socket(in: directory) }

  private init(server: DetectionServer, directory: String) {
    self.server = server
    self.directory = directory
  }

  private static func socket(in directory: String) -> String { "\(directory)/trace.sock" }

  static func with(naming: TraceNaming = .command, _ body: (DetectionBench) async throws -> Void) async throws {
    // Short, since the path of a Unix socket has at most 107 bytes.
    let directory = "/tmp/lbt-\(String(UInt64.random(in: 0..<(1 << 40)), radix: 36))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(atPath: directory) }  // a leftover below /tmp harms nobody
    let server = try DetectionServer.open(
      socket: socket(in: directory), hostName: "host-1", naming: naming, logger: TestLog().logger)
    server.start()
    let bench = DetectionBench(server: server, directory: directory)
    defer { bench.end() }
    try await body(bench)
  }

  private func end() {
    server.stop()
    for task in listening { task.cancel() }
    for client in clients { client.end() }
  }

  func tell(rules: String = DetectionBench.rules) throws {
    server.tell(.rules(try RuleDirectory.compile([(name: "rules.yaml", text: rules)])))
  }

  /// - Returns: the revision that the node gives it.
  @discardableResult
  func tell(_ sandboxes: [WatchedSandbox]) -> UInt64 {
    revision += 1
    tell(sandboxes, revision: revision)
    return revision
  }

  func tell(_ sandboxes: [WatchedSandbox], revision: UInt64) {
    server.tell(.node(.sandboxes(sandboxes, revision: revision)))
  }

  /// The node comes, and hears what is told from now on.
  func link() {
    let (messages, continuation) = AsyncStream.makeStream(of: SentinelMessage.self)
    let node = self.node
    listening.append(Task { for await message in messages { node.hear(message) } })
    server.tell(.link(continuation))
  }

  /// Connects as runsc does, and greets.
  func greet(
    _ container: String = DetectionBench.container, action: String = "run", greeting: String = "0801", user: uid_t = 0
  ) throws -> TraceClient {
    let client = try TraceClient(
      socket: socket, container: container, action: action, greeting: greeting, user: user)
    clients.append(client)
    return client
  }

  /// Connects, and is there once the greeting is answered.
  func attach(_ container: String = DetectionBench.container, action: String = "run") async throws -> TraceClient {
    let client = try greet(container, action: action)
    let answer = try await client.ask("answer")
    try #require(answer == "0801")
    return client
  }

  /// All that was reported so far, in its order.
  func alerts(of rule: String? = nil) -> [AlertResource] {
    while case let batch = server.alerts.batch(), !batch.isEmpty {
      told += batch
      server.alerts.removeBatch()
    }
    guard let rule else { return told }
    return told.filter { $0.rule == rule }
  }

  /// The first report of a rule, as soon as it is there.
  func alert(_ rule: String) async throws -> AlertResource {
    try await eventually("an alert of '\(rule)'") { !alerts(of: rule).isEmpty }
    let found = alerts(of: rule).first
    return try #require(found)
  }

  /// How many alerts of a rule there are, and for how many events they stand: their own, and those counted on them.
  func counts(of rule: String) -> (alerts: Int, events: Int) {
    var suppressed: [String: Int] = [:]
    // Reports may overtake each other, and whoever stores them takes the greatest count.
    for alert in alerts(of: rule) { suppressed[alert.id] = max(suppressed[alert.id] ?? 0, alert.suppressed) }
    return (suppressed.count, suppressed.values.reduce(suppressed.count, +))
  }
}

/// The node's end: remembers what it was told.
final class NodeStub: Sendable {
  private let heard = Mutex<[SentinelMessage]>([])

  func hear(_ message: SentinelMessage) { heard.withLock { $0.append(message) } }

  private var messages: [SentinelMessage] { heard.withLock { $0 } }

  var orders: [ResponseOrder] {
    messages.compactMap { message -> ResponseOrder? in
      guard case .order(let order) = message else { return nil }
      return order
    }
  }

  /// As they were told last; `nil` when they were not told at all.
  var sessions: [TraceSession]? {
    for case .sessions(let sessions, _, _) in messages.reversed() { return sessions }
    return nil
  }

  /// The last revision of what is to be watched that the sentinel knew.
  var revision: UInt64? {
    for case .sessions(_, let revision, _) in messages.reversed() { return revision }
    return nil
  }

  /// How many rules it had then.
  var rules: Int? {
    for case .sessions(_, _, let rules) in messages.reversed() { return rules }
    return nil
  }
}

/// A program that connects as runsc does: it is known by its command line, whose last word is the sandbox. It does what
/// it is told line by line.
final class TraceClient {
  /// The words after `-c` are passed over as long as they begin with a dash: the next one says what runsc does.
  private static let program = """
    -0
    import os, socket, sys
    action, path, greeting, user, container = sys.argv[1:]
    os.setuid(int(user))
    trace = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    trace.settimeout(60)
    trace.connect(path)
    try:
        trace.send(bytes.fromhex(greeting))
    except OSError:
        pass
    for line in iter(sys.stdin.readline, ""):
        words = line.split()
        try:
            if words[0] == "answer":
                said = trace.recv(64).hex() or "closed"
            else:
                message = bytes.fromhex(words[2])
                for _ in range(int(words[1])): trace.send(message)
                said = "sent"
        except socket.timeout:
            said = "nothing"
        except OSError:
            said = "closed"
        print(said, flush=True)
    """

  private let process = Process()
  private let input = Pipe()
  private let output = Pipe()
  private var text: [UInt8] = []

  init(socket: String, container: String, action: String, greeting: String, user: uid_t) throws {
    // A program that ended must be an error of the write.
    signal(SIGPIPE, SIG_IGN)
    process.executableURL = URL(filePath: "/usr/bin/python3")
    process.arguments = ["-c", Self.program, action, socket, greeting, "\(user)", container]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
  }

  /// Ends the program, and waits until it has ended.
  func end() {
    guard process.isRunning else { return }
    kill(process.processIdentifier, SIGKILL)
    process.waitUntilExit()
  }

  /// - Parameter line: `answer` waits for what the server says, or for its end; `send COUNT HEX` sends a message.
  func say(_ line: String) {
    let bytes = Array("\(line)\n".utf8)
    _ = write(input.fileHandleForWriting.fileDescriptor, bytes, bytes.count)
  }

  /// What the program says: `sent`, `closed`, or the server's bytes as hexadecimal digits.
  ///
  /// - Returns: `nil` when it says nothing in time.
  func reply(within limit: Duration = .seconds(20)) async throws -> String? {
    let end = ContinuousClock.now + limit
    while true {
      if let line = takeLine() { return line }
      guard ContinuousClock.now < end else { return nil }
      try await Task.sleep(for: .milliseconds(5))
    }
  }

  func ask(_ line: String, within limit: Duration = .seconds(20)) async throws -> String? {
    say(line)
    return try await reply(within: limit)
  }

  func send(_ message: [UInt8], times: Int = 1) async throws {
    let digits = message.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    let said = try await ask("send \(times) \(digits)", within: .seconds(60))
    try #require(said == "sent")
  }

  private func takeLine() -> String? {
    let descriptor = output.fileHandleForReading.fileDescriptor
    var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    var piece = [UInt8](repeating: 0, count: 4096)
    while poll(&wait, 1, 0) > 0 {
      let count = read(descriptor, &piece, piece.count)
      guard count > 0 else { break }
      text += piece[..<count]
    }
    guard let place = text.firstIndex(of: UInt8(ascii: "\n")) else { return nil }
    let line = String(decoding: text[..<place], as: UTF8.self)
    text.removeSubrange(...place)
    return line
  }
}

/// What sandboxes tell in these tests.
enum TraceBytes {
  /// A file is opened, by a program named `agent`.
  static func openat(
    _ path: String, container: String = DetectionBench.container, dropped: UInt32 = 0
  ) -> [UInt8] {
    MessageBuilder.make(7, container: container, dropped: dropped) { message in
      message.exit(3)
      message.number(3, UInt64(257))
      message.number(4, Int64(-100))
      message.text(6, path)
    }
  }

  /// A program connects to an address of IPv4.
  static func connect(_ address: [UInt8], port: UInt16) -> [UInt8] {
    MessageBuilder.make(10, container: DetectionBench.container) { message in
      message.exit()
      message.number(3, UInt64(42))
      message.number(4, UInt64(7))
      message.bytes(
        6, [2, 0, UInt8(port >> 8), UInt8(port & 0xff)] + address + [UInt8](repeating: 0, count: 8))
    }
  }

  /// The sandbox's first program is started.
  static func start(_ words: [String], container: String = DetectionBench.container) -> [UInt8] {
    MessageBuilder.make(1, container: container) { message in
      message.text(2, container)
      message.text(3, "/workspace")
      for word in words { message.text(4, word) }
    }
  }
}

extension WatchedSandbox {
  static func stub(_ uid: String = "0123456789abcdef", response: AgentResponse = .alert) throws -> WatchedSandbox {
    WatchedSandbox(
      container: "t.\(uid)", agent: try parsed("acme/bot"), uid: try parsed(uid), tier: "starter",
      image: "oci:/images/bot:1.4", response: response, address: "10.64.0.2", interface: "lbt1")
  }
}

extension AlertResource {
  /// - Parameter response: what is asked for; it is pending unless it is `alert`.
  static func stub(
    _ id: String, rule: String = "Shadow read", container: String = DetectionBench.container,
    response: AgentResponse = .alert, output: String = "shadow was read", fields: [String: JSONValue] = [:]
  ) -> AlertResource {
    AlertResource(
      id: id, time: Date(timeIntervalSince1970: 1.5), rule: rule, priority: "Warning", source: "syscall",
      container: container, hostname: "host-1", output: output, outputFields: fields, tags: [],
      response: response.rawValue, responseState: response == .alert ? .none : .pending)
  }
}
