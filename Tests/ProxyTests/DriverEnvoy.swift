import ChildProcess
import Foundation
import JSONValues
import Proxy
import Testing

/// The Envoy that scripts/setup installs.
let envoyProgram = "/usr/local/lib/lobstack/envoy"

/// CI sets REQUIRE_ROOT_TESTS, so that a missing Envoy fails instead of being skipped.
let hasEnvoy =
  ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1" || Command.locate(envoyProgram) != nil

/// An Envoy of a test's own, driven by files, with a driver for it; ended and removed afterwards.
final class DrivenEnvoy: Sendable {
  let directory: String
  let files: EnvoyFiles
  let admin: EnvoyAdmin
  let driver: EnvoyDriver
  private let process = ProcessTask()

  var log: String { (try? String(contentsOfFile: logFile, encoding: .utf8)) ?? "" }
  var logFile: String { "\(directory)/envoy.log" }
  /// Where the listeners of the test listen.
  var socket: String { "\(directory)/in.sock" }

  private init(deadline: Duration) throws {
    // Short, since the path of a Unix socket has at most 107 bytes.
    directory = "/tmp/lob-\(String(UInt64.random(in: 0..<(1 << 40)), radix: 36))"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: false)
    files = EnvoyFiles(directory: "\(directory)/dynamic")
    admin = EnvoyAdmin(socket: "\(directory)/admin.sock")
    driver = EnvoyDriver(files: files, admin: admin, logFile: "\(directory)/envoy.log", deadline: deadline)
    try FileManager.default.createDirectory(atPath: files.directory, withIntermediateDirectories: false)
    try files.prepare()
  }

  static func with(deadline: Duration = .seconds(20), _ body: (DrivenEnvoy) async throws -> Void) async throws {
    let envoy = try DrivenEnvoy(deadline: deadline)
    do {
      try await body(envoy)
    } catch {
      await envoy.remove()
      throw error
    }
    await envoy.remove()
  }

  private func remove() async {
    await stop()
    // What is left over is in /tmp; the test's verdict stands without it.
    try? FileManager.default.removeItem(atPath: directory)
  }

  /// Starts Envoy and waits for its admin socket.
  func start() async throws {
    try bootstrap.text.write(toFile: "\(directory)/bootstrap.json", atomically: true, encoding: .utf8)
    await process.start(
      Command(
        envoyProgram,
        [
          "-c", "\(directory)/bootstrap.json", "--concurrency", "1", "--disable-hot-restart", "-l", "warning",
          "--reject-unknown-dynamic-fields",
        ]), log: logFile)
    try await eventually { try await self.admin.server().state == "LIVE" }
  }

  func stop() async { await process.stop() }

  private var bootstrap: JSON {
    [
      "node": ["id": "test", "cluster": "test"],
      "admin": ["address": ["pipe": ["path": .string(admin.socket), "mode": 0o600]]],
      "dynamic_resources": ["lds_config": fileSource(.listeners), "cds_config": fileSource(.clusters)],
    ]
  }

  func fileSource(_ source: EnvoyFile.Source) -> JSON { .fileSource(files.path(of: source)) }

  /// What the listener answers.
  func body() async throws -> String {
    try await Command("curl", ["-s", "--max-time", "5", "--unix-socket", socket, "http://x/"]).check()
  }

  // MARK: Resources

  func listener(_ name: String = "in", routes: String = "table", socket: String? = nil, _ extra: [String: JSON] = [:])
    -> JSON
  {
    let router = JSON.typed("envoy.extensions.filters.http.router.v3.Router")
    let fields: [String: JSON] = [
      "stat_prefix": .string(name),
      "rds": ["route_config_name": .string(routes), "config_source": fileSource(.routes(routes))],
      "http_filters": [["name": "router", "typed_config": router]],
    ]
    let manager = JSON.typed(
      "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      fields.merging(extra) { _, last in last })
    return .typed(
      "envoy.config.listener.v3.Listener",
      [
        "name": .string(name), "address": ["pipe": ["path": .string(socket ?? self.socket)]],
        "filter_chains": [["filters": [["name": "http", "typed_config": manager]]]],
      ])
  }

  func routes(_ name: String = "table", answer: String) -> JSON {
    .typed(
      "envoy.config.route.v3.RouteConfiguration",
      [
        "name": .string(name),
        "virtual_hosts": [
          [
            "name": "all", "domains": ["*"],
            "routes": [
              [
                "match": ["prefix": "/"],
                "direct_response": ["status": 200, "body": ["inline_string": .string(answer)]],
              ]
            ],
          ]
        ],
      ])
  }

  func cluster(_ name: String, timeout: String = "1s") -> JSON {
    .typed(
      "envoy.config.cluster.v3.Cluster",
      [
        "name": .string(name), "connect_timeout": .string(timeout),
        "load_assignment": ["cluster_name": .string(name)],
      ])
  }

  /// Files that answer every request with a text.
  func answering(_ text: String) -> [EnvoyFile] {
    [
      EnvoyFile(.clusters, [cluster("one")]), EnvoyFile(.routes("table"), [routes(answer: text)]),
      EnvoyFile(.listeners, [listener()]),
    ]
  }
}

/// A program that runs beside a test until it is stopped.
actor ProcessTask {
  /// Awaited by `stop`.
  private var task: Task<Void, Never>?

  func start(_ command: Command, log: String) {
    task = Task {
      // How it ended shows in what the test expects of it.
      _ = try? await command.run(appendingTo: log, timeout: .seconds(300))
    }
  }

  func stop() async {
    task?.cancel()
    await task?.value
    task = nil
  }
}

/// Waits until something holds; an error means "not yet".
func eventually(within limit: Duration = .seconds(20), _ condition: () async throws -> Bool) async throws {
  let end = ContinuousClock.now + limit
  while true {
    if (try? await condition()) == true { return }
    if ContinuousClock.now > end {
      #expect(try await condition(), "not within \(limit)")
      return
    }
    try await Task.sleep(for: .milliseconds(20))
  }
}
