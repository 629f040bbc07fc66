import APIClient
import APIModel
import AgentModel
import ChildProcess
import Foundation
import Glibc

struct BenchmarkFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

/// A directory that everyone may pass, gone when it is told to go.
struct ScratchDirectory {
  let path: String

  /// Below the temporary directory, which should lie on the kind of disk that the platform's state would lie on.
  init() throws {
    let name = "lobstack-bench-\(getpid())-\(UInt32.random(in: .min ... .max))"
    path = URL(filePath: NSTemporaryDirectory()).appending(path: name).standardizedFileURL.path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
  }

  // What is left behind is a temporary directory.
  func remove() { try? FileManager.default.removeItem(atPath: path) }
}

/// An installation of its own, started from the program under test.
struct BenchmarkPlatform {
  let layout: InstanceLayout
  let client: APIClient
  /// A root file system with a static busybox.
  let image: String
  /// Base URL of the gateway.
  let gateway: String
  private let program = BenchmarkPlatform.program
  private let directory: ScratchDirectory
  /// Of `lobstack up`.
  private let options: [String]

  /// The program under test.
  static var program: String {
    let named = ProcessInfo.processInfo.environment["LOBSTACK_BINARY"] ?? ""
    return named.isEmpty ? "\(FileManager.default.currentDirectoryPath)/.build/release/lobstack" : named
  }

  /// - Parameter options: of `lobstack up`.
  static func with<Value>(
    _ options: [String] = [], _ body: (BenchmarkPlatform) async throws -> Value
  ) async throws -> Value {
    let platform = try BenchmarkPlatform(options)
    do {
      try await platform.start()
      let value = try await body(platform)
      try await platform.remove()
      return value
    } catch {
      // The first error tells more than that of the clean-up.
      try? await platform.remove()
      throw error
    }
  }

  private init(_ options: [String]) throws {
    self.options = options
    directory = try ScratchDirectory()
    guard let name = InstanceName("b\(String(getpid(), radix: 16))") else { throw BenchmarkFailure("no instance name") }
    layout = InstanceLayout(stateDirectory: "\(directory.path)/state", instance: name)
    client = APIClient(address: .unix(layout.apiSocket))
    image = "\(directory.path)/image"
    gateway = "https://127.0.0.1:\(try freePort())"
    try Self.makeImage(image)
  }

  private static func makeImage(_ path: String) throws {
    let files = FileManager.default
    for name in ["bin", "proc", "sys", "dev", "tmp", "etc", "workspace", "vault/secrets"] {
      try files.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
    }
    try files.copyItem(atPath: "/bin/busybox", toPath: "\(path)/bin/busybox")
    for name in ["sh", "cat", "echo", "sleep", "nc"] {
      try files.createSymbolicLink(atPath: "\(path)/bin/\(name)", withDestinationPath: "busybox")
    }
  }

  func command(_ arguments: String...) -> Command { command(arguments) }

  func command(_ arguments: [String]) -> Command {
    var environment = Command.defaultEnvironment
    environment["LOBSTACK_STATE_DIR"] = (layout.root as NSString).deletingLastPathComponent
    environment["LOBSTACK_INSTANCE"] = "\(layout.instance)"
    environment["LOBSTACK_VERIFY_EVERY"] = "off"
    return Command(program, arguments, environment: environment)
  }

  private func start() async throws {
    let listen = ["--listen", String(gateway.dropFirst("https://".count))]
    try await command(["up", "--detach"] + listen + options).check(timeout: .seconds(100))
  }

  /// Runs the body while the platform is down.
  func stopped(_ body: () async throws -> Void) async throws {
    try await command("down").check(timeout: .seconds(100))
    try await body()
    try await start()
  }

  private func remove() async throws {
    try await client.shutdown()
    try await command("down", "--purge").check(timeout: .seconds(300))
    directory.remove()
  }

  /// Creates an agent and returns at once.
  func create(
    _ name: String, command: [String], egress hosts: [String] = [], secrets: [String] = [], image: String? = nil,
    response: AgentResponse = .alert
  ) async throws -> AgentResource {
    try await client.createAgent(
      document: try document(name, command, hosts, secrets, image: image, response: response))
  }

  /// Gives an agent other hosts and returns at once.
  func change(_ agent: AgentResource, command: [String], egress hosts: [String]) async throws {
    _ = try await client.putAgent(agent.id, document: try document("\(agent.id.name)", command, hosts))
  }

  private func document(
    _ name: String, _ command: [String], _ hosts: [String], _ secrets: [String] = [], image: String? = nil,
    response: AgentResponse = .alert
  ) throws -> String {
    struct Document: Encodable {
      struct Metadata: Encodable { var name: String }
      struct Workspace: Encodable { var size = "64Mi" }
      struct Host: Encodable { var host: String }
      struct Spec: Encodable {
        var image: String
        var command: [String]
        var workspace = Workspace()
        var egress: [Host]?
        var secrets: [[String: String]]
        var response: AgentResponse
      }
      var apiVersion = "lobstack.dev/v1"
      var kind = "Agent"
      var metadata: Metadata
      var spec: Spec
    }
    let spec = Document.Spec(
      image: image ?? "dir:\(self.image)", command: command,
      egress: hosts.isEmpty ? nil : hosts.map(Document.Host.init),
      secrets: secrets.map { ["name": $0] }, response: response)
    return String(decoding: try JSONEncoder().encode(Document(metadata: .init(name: name), spec: spec)), as: UTF8.self)
  }

  func wait(for id: AgentID, _ phase: AgentPhase, limit: Duration = .seconds(60)) async throws {
    let end = ContinuousClock.now + limit
    while case let status = try await client.agent(id).status, status.phase != phase {
      guard ContinuousClock.now < end, status.phase != .failed else {
        throw BenchmarkFailure("agent \(id) is \(status.phase.rawValue): \(status.reason ?? "no reason given")")
      }
      try await Task.sleep(for: .milliseconds(20))
    }
  }

  func delete(_ id: AgentID) async throws {
    try await client.deleteAgent(id)
    while (try? await client.agent(id)) != nil { try await Task.sleep(for: .milliseconds(20)) }
  }
}
