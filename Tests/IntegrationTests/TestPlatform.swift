import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import NetworkIsolation
import Supervision
import Testing

/// One instance of the platform, driven as a person drives it: through the program.
struct TestPlatform: Sendable {
  /// Holds the state and the images; everyone may pass, as the unprivileged processes must.
  let directory: String
  let instance: InstanceName
  /// Where the gateway listens; nobody does on the next one.
  let port: UInt16
  /// A process whose mount namespace the program runs in; `nil` for the test's own.
  var namespaceHolder: Int32?

  var layout: InstanceLayout { InstanceLayout(stateDirectory: "\(directory)/state", instance: instance) }
  /// A root file system with a static busybox.
  var image: String { "dir:\(directory)/image" }

  /// The program under test: `LOBSTACK_BINARY`, or the one that was built beside this test bundle.
  static let binary: String = {
    if let named = ProcessInfo.processInfo.environment["LOBSTACK_BINARY"], !named.isEmpty { return named }
    let checkout = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../.build/debug/lobstack")
    return checkout.standardizedFileURL.path
  }()

  /// Takes a name whose addresses nothing else on the machine has: there are 128 blocks, and `up` refuses one in use.
  init() async throws {
    var (number, name): (String, InstanceName)
    repeat {
      number = String(UInt32.random(in: 0x1000_0000 ... .max), radix: 16)
      name = try #require(InstanceName("it-\(number)"))
    } while try await AddressPlan(layout: InstanceLayout(instance: name)).conflict() != nil
    (directory, instance) = ("/tmp/lobstack-it-\(number)", name)
    port = try FreePort.choose(2)
    try ProbeImage.make(at: "\(directory)/image")
  }

  // MARK: The program

  /// Runs `lobstack ARGUMENTS` against this instance.
  func run(
    _ arguments: String..., input: String = "", timeout: Duration = .seconds(60)
  ) async throws -> Outcome { try await run(arguments, input: input, timeout: timeout) }

  func run(_ arguments: [String], input: String = "", timeout: Duration = .seconds(60)) async throws -> Outcome {
    try await run(Self.binary, arguments, of: arguments, input: input, timeout: timeout)
  }

  /// Runs `lobstack ARGUMENTS` and sends it a signal as soon as something holds.
  ///
  /// - Throws: when that does not hold within two minutes.
  func run(
    _ arguments: String..., endingWith signal: Int32, when what: String, _ holds: () async throws -> Bool
  ) async throws -> Outcome {
    let file = "\(directory)/\(UUID()).pid"
    async let outcome = run(
      "sh", ["-c", #"echo $$ >"$0" && exec "$@""#, file, Self.binary] + arguments, of: arguments, input: "",
      timeout: .seconds(240))
    try await eventually(what, within: .seconds(120), holds)
    let process = try String(contentsOfFile: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    Glibc.kill(try #require(Int32(process)), signal)
    return try await outcome
  }

  private func run(
    _ program: String, _ words: [String], of arguments: [String], input: String, timeout: Duration
  ) async throws -> Outcome {
    var environment = Command.defaultEnvironment
    environment["LOBSTACK_STATE_DIR"] = "\(directory)/state"
    environment["LOBSTACK_INSTANCE"] = "\(instance)"
    // A run beside the test would slow it, and raise alerts of its own.
    environment["LOBSTACK_VERIFY_EVERY"] = "off"
    let entry = namespaceHolder.map { ["--mount=/proc/\($0)/ns/mnt", program] } ?? []
    let result = try await Command(entry.isEmpty ? program : "nsenter", entry + words, environment: environment)
      .run(input: Array(input.utf8), timeout: timeout)
    return Outcome(
      code: result.status.code, output: result.standardOutput, error: result.standardError, arguments: arguments)
  }

  struct Outcome: Sendable {
    var code: Int32
    var output: String
    var error: String
    var arguments: [String]

    /// Expects success.
    @discardableResult func ok() throws -> Outcome {
      guard code == 0 else {
        throw Fault(
          .failed, operation: "run lobstack \(arguments.joined(separator: " "))",
          reason: "exit code \(code): \(error)\(output)", remedy: "mend it")
      }
      return self
    }

    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
      try APIJSON.decode(type, from: Array(output.utf8))
    }
  }

  // MARK: The platform

  /// - Parameter options: of the platform, beside its port.
  func up(_ options: [String] = []) async throws {
    try await run(["up", "--detach", "--listen", "127.0.0.1:\(port)"] + options, timeout: .seconds(100)).ok()
  }

  func down() async throws { try await run("down", timeout: .seconds(120)).ok() }

  func purge() async throws { try await run("down", "--purge", timeout: .seconds(180)).ok() }

  func processID(of component: String) throws -> Int32 {
    let text = try String(contentsOfFile: "\(layout.runDirectory)/\(component).pid", encoding: .utf8)
    guard let process = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw Fault(
        .failed, operation: "read the process id of \(component)", reason: "it is '\(text)'", remedy: "see its log")
    }
    return process
  }

  func waitUntilReady() async throws {
    try await eventually("the platform is ready", within: .seconds(120)) { try await run("status").code == 0 }
  }

  /// Ends a process of the platform at once, and waits until another one has taken its place.
  func kill(_ component: String) async throws {
    let before = try processID(of: component)
    #expect(Glibc.kill(before, SIGKILL) == 0)
    try await eventually("the \(component) runs again") { try processID(of: component) != before }
  }

  // MARK: Agents

  /// Waits for SIGTERM and obeys it; the first process of a sandbox that has no handler for it never gets it.
  static let idle = ["sh", "-c", "trap 'exit 0' TERM; sleep 36000 & wait"]

  /// Creates an agent that runs `command` and waits until it runs.
  func create(_ name: String, options: [String] = [], command: [String] = TestPlatform.idle) async throws {
    try await run(
      ["agent", "create", name, "--image", image, "--wait"] + options + ["--command"] + command, timeout: .seconds(150)
    ).ok()
  }

  func agent(_ name: String) async throws -> AgentResource {
    try await run("agent", "get", name, "-o", "json").ok().json()
  }

  /// What a program in the agent's sandbox prints.
  func exec(_ name: String, _ command: String...) async throws -> Outcome {
    try await run(["agent", "exec", name, "--"] + command)
  }

  /// The sandbox's process, as the node noted it.
  func sandboxProcess(_ name: String) async throws -> Int32 {
    struct Record: Decodable { var sandboxProcess: Int32? }
    let uid = try await agent(name).metadata.uid
    let data = try Data(contentsOf: URL(filePath: "\(layout.agentsDirectory)/\(uid)/agent.json"))
    return try #require(try JSONDecoder().decode(Record.self, from: data).sandboxProcess)
  }

  /// What the kernel and the disk hold of agents now: cgroups, links, namespaces, mounts, processes of sandboxes.
  ///
  /// Without the platform's own: its processes, and those that wait for adopted sandboxes on its behalf.
  func traces() async throws -> [String] {
    let platform = [
      "directory \(layout.root)", "nft table ", "(lobstack ", "(runsc)", "(envoy)", "(openbao)", "cgroup ",
    ]
    return try await Leftovers(layout).find().filter { line in !platform.contains { line.contains($0) } }
  }
}

extension TestPlatform {
  /// How many processes wait for the end of sandboxes that an earlier node started.
  func waiters() async throws -> Int {
    try await Leftovers(layout).find().count { $0.hasSuffix("(runsc)") }
  }
}

/// Runs a test against a platform of its own, which is gone without a trace afterwards, also when the test fails.
///
/// - Parameters:
///   - started: whether it is up when the test begins.
///   - options: what `up` is given beside its port.
func withPlatform(
  started: Bool = true, options: (TestPlatform) throws -> [String] = { _ in [] },
  _ body: (TestPlatform) async throws -> Void
) async throws {
  let platform = try await TestPlatform()
  var failure: (any Error)?
  do {
    if started { try await platform.up(try options(platform)) }
    try await body(platform)
  } catch {
    failure = error
    platform.printLogs()
    print("--- failure of \(platform.instance)\n\(error)")
  }
  // Also when the test's time is over, which cancels it.
  let removal = await Task { try await platform.remove() }.result
  if let failure { throw failure }
  try removal.get()
}

/// Runs a test of the program where no platform runs.
func withoutPlatform<Value>(_ body: (TestPlatform) async throws -> Value) async throws -> Value {
  let platform = try await TestPlatform()
  defer { try? FileManager.default.removeItem(atPath: platform.directory) }
  return try await body(platform)
}

extension TestPlatform {
  /// Purges the instance and removes what the test itself made.
  func remove() async throws {
    try await purge()
    #expect(try await Leftovers(layout).find() == [])
    try FileManager.default.removeItem(atPath: directory)
  }

  /// The ends of the logs, which the purge removes.
  func printLogs() {
    for name in ["supervisor", "vault", "proxy", "node", "control-plane", "sentinel", "gateway"] {
      guard let text = try? String(contentsOfFile: "\(layout.logDirectory)/\(name).log", encoding: .utf8) else {
        continue
      }
      print("--- \(name).log of \(instance)\n\(text.suffix(3_000))")
    }
  }
}

/// Looks again and again until something holds. Who cannot look, because what is asked does not answer yet, looks again.
///
/// - Throws: `Fault(.timedOut)` when it does not hold within `limit`, with why the last look failed.
func eventually(
  _ what: String, within limit: Duration = .seconds(60), _ holds: () async throws -> Bool
) async throws {
  let deadline = ContinuousClock.now + limit
  while true {
    var failure: (any Error)?
    do {
      if try await holds() { return }
    } catch {
      failure = error
    }
    guard ContinuousClock.now < deadline else {
      throw Fault(
        .timedOut, operation: "wait", reason: "not within \(limit): \(what)", remedy: "see the logs", cause: failure)
    }
    try await Task.sleep(for: .milliseconds(100))
  }
}

let rootTests = geteuid() == 0 || ProcessInfo.processInfo.environment["REQUIRE_ROOT_TESTS"] == "1"

/// Whether tests of many minutes run, too.
let longTests = ProcessInfo.processInfo.environment["LONG_TESTS"] == "1"
