import AgentModel
import ChildProcess
import Foundation
import Glibc
import Logging
import NameResolution
import Sentinel
import Synchronization

/// A resolver on this machine's loopback, whose agents are 127.0.0.2 and 127.0.0.3.
struct TestResolver: Sendable {
  let server: ResolverServer
  let tableFile: String
  let log: TestLog
  private let directory: URL

  static func with(
    limits: ResolverServer.Limits = ResolverServer.Limits(), address: String = "127.0.0.1", port: UInt16 = 0,
    _ body: (TestResolver) async throws -> Void
  ) async throws {
    let directory = FileManager.default.temporaryDirectory.appending(path: "resolver-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }  // a leftover below /tmp harms nobody
    let path = directory.appending(path: "names.json").path(percentEncoded: false)
    try write(table("v1"), to: path)
    let log = TestLog()
    let server = try ResolverServer.open(
      address: try parsed(address), port: port, tableFile: path, limits: limits, logger: log.logger)
    server.start()
    defer { server.stop() }
    try await body(TestResolver(server: server, tableFile: path, log: log, directory: directory))
  }

  /// 127.0.0.1 is an agent only for servers that listen elsewhere.
  static func table(_ version: String, more: [String] = []) throws -> [UInt8] {
    let hosts = ["api.example.com", "*.example.org"] + more
    return try ResolverTable(
      version: parsed(version), address: parsed("10.64.255.253"),
      agents: ["127.0.0.1", "127.0.0.2", "127.0.0.3"].map {
        try ResolverTable.Agent(
          address: parsed($0), hosts: hosts.map(parsed), names: [parsed("api.lobstack.internal")])
      }
    ).text()
  }

  /// As the node does: another file, then its new name.
  static func write(_ text: [UInt8], to path: String) throws {
    try Data(text).write(to: URL(filePath: path + ".new"))
    guard rename(path + ".new", path) == 0 else { throw TestError(text: "rename") }
  }

  /// What Debian's dig prints.
  func dig(_ words: String, from source: String = "127.0.0.2") async throws -> String {
    let arguments = "-b \(source) -p \(server.port) @127.0.0.1 +time=2 +tries=1 \(words)"
    return try await Command("dig", arguments.split(separator: " ").map(String.init)).check()
  }

  /// All that was told since the last call, after the thread had time to tell.
  func drain() async throws -> ResolverServer.Contents {
    try await Task.sleep(for: .milliseconds(50))
    return server.drain()
  }
}

struct TestError: Error { var text: String }

func parsed<Value: ParsedText>(_ text: String) throws -> Value {
  guard let value = Value(text) else { throw TestError(text: text) }
  return value
}

/// Remembers what was logged.
final class TestLog: Sendable {
  private let lines = Mutex<[String]>([])

  var messages: [String] { lines.withLock { $0 } }

  var logger: Logger { Logger(label: "test") { [self] _ in Handler(log: self) } }

  private struct Handler: LogHandler {
    let log: TestLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
      log.lines.withLock { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
  }
}

/// A socket of an agent, by the address that it sends from. Reads wait for two seconds at most.
final class TestSocket: Sendable {
  private let descriptor: Int32

  init(_ type: __socket_type, from source: String, to port: UInt16) throws {
    descriptor = socket(AF_INET, Int32(type.rawValue), 0)
    var wait = timeval(tv_sec: 2, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &wait, socklen_t(MemoryLayout<timeval>.size))
    var own = Self.place(source, 0)
    var other = Self.place("127.0.0.1", port)
    guard Self.call(&own, { bind(descriptor, $0, $1) }) == 0, Self.call(&other, { connect(descriptor, $0, $1) }) == 0
    else { throw TestError(text: String(cString: strerror(errno))) }
  }

  deinit { close(descriptor) }

  @discardableResult
  func send(_ bytes: [UInt8], flags: Int32 = 0) -> Int {
    Glibc.send(descriptor, bytes, bytes.count, flags | Int32(MSG_NOSIGNAL))
  }

  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// - Returns: `nil` when nothing came in time; nothing at all when the other side closed.
  func receive(_ most: Int = 65_536) -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: most)
    let count = recv(descriptor, &buffer, most, 0)
    if count < 0 { return errno == ECONNRESET ? [] : nil }
    return Array(buffer.prefix(count))
  }

  /// The next message of a TCP stream; `nil` when it ended or nothing came in time.
  func receiveMessage() -> [UInt8]? {
    guard let length = receiveExactly(2) else { return nil }
    return receiveExactly(Int(length[0]) << 8 | Int(length[1]))
  }

  private func receiveExactly(_ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      guard let more = receive(count - bytes.count), !more.isEmpty else { return nil }
      bytes += more
    }
    return bytes
  }

  private static func place(_ address: String, _ port: UInt16) -> sockaddr_in {
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = port.bigEndian
    inet_pton(AF_INET, address, &place.sin_addr)
    return place
  }

  private static func call(_ place: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}

/// A query for an A record, or another type.
func query(_ name: String, id: UInt16 = 7, type: UInt8 = 1) -> [UInt8] {
  [UInt8(id >> 8), UInt8(id & 0xff), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    + name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0, 0, type, 0, 1]
}

/// The message behind its length, for TCP.
func framed(_ message: [UInt8]) -> [UInt8] { [UInt8(message.count >> 8), UInt8(message.count & 0xff)] + message }

func code(_ answer: [UInt8]?) -> UInt8? {
  guard let answer, answer.count >= 12 else { return nil }
  return answer[3] & 0xf
}

func id(_ answer: [UInt8]?) -> UInt16? {
  guard let answer, answer.count >= 12 else { return nil }
  return UInt16(answer[0]) << 8 | UInt16(answer[1])
}
