import AgentModel
import ChildProcess
import Foundation
import Glibc
import Logging
import NameResolution
import NameServing
import TestSupport

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
      address: try parsed(address), port: port, names: TableFile(path: path, logger: log.logger), limits: limits)
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
