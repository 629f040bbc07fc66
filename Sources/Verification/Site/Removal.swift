import APIClient
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import KernelFiles
import Sandbox

/// Takes one trace away; done when it is gone already.
func remove(_ trace: Trace) async throws {
  switch trace {
  case .directory(let path):
    guard FileManager.default.fileExists(atPath: path) else { return }
    try FileManager.default.removeItem(atPath: path)
  case .mount(let path):
    guard try mountTable().contains(where: { $0.target == path }) else { return }
    try await Command("umount", [path]).check()
  case .networkNamespace(let name):
    guard FileManager.default.fileExists(atPath: "/run/netns/\(name)") else { return }
    try await Command("ip", ["netns", "delete", name]).check()
  case .interface(let name):
    guard FileManager.default.fileExists(atPath: "/sys/class/net/\(name)") else { return }
    try await Command("ip", ["link", "delete", name]).check()
  case .rule(let family, let selector):
    // Fails when there is no such rule (any more); a second pass would find the same, so the answer is not judged.
    _ = try await Command("ip", ["-\(family)", "rule", "delete"] + selector).run()
  case .routes(let family, let table):
    // As above: a table that holds nothing does not exist.
    _ = try await Command("ip", ["-\(family)", "route", "flush", "table", "\(table)"]).run()
  case .setting(let path, let value):
    // A setting of an interface goes with its interface.
    guard FileManager.default.fileExists(atPath: path) else { return }
    try writeSetting(path, value)
  case .sandbox(let root, let id, let runtime):
    guard FileManager.default.fileExists(atPath: root) else { return }
    guard let instance = SandboxID(id)?.instance else { return }
    _ = try await ControlNamespace(of: instance).command(
      runtime ?? "runsc", ["--root", root, "delete", "-force", id]
    ).run()
  case .cgroup(let path):
    for controller in ["", "unified"] + controllers() { rmdir("/sys/fs/cgroup/\(controller)\(path)") }
  case .process(let pid, let startTime):
    guard HostProcess(pid)?.startTime == startTime else { return }
    kill(pid, SIGKILL)
  case .secret(let socket, let reference):
    try await removeThroughAPI(socket) { try await $0.deleteSecret(reference) }
  case .token(let socket, let id):
    try await removeThroughAPI(socket) { try await $0.revokeToken(id) }
  case .agent(let socket, let id):
    try await removeAgent(id, socket: socket)
  case .platform(let stateDirectory, let instance):
    guard FileManager.default.fileExists(atPath: "\(stateDirectory)/\(instance)") else { return }
    try await ownProgram(["down", "--purge", "--instance", "\(instance)", "--state-dir", stateDirectory])
      .check(timeout: .seconds(40))
  }
}

/// The running program again, as a command.
func ownProgram(_ arguments: [String]) throws -> Command {
  Command(try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"), arguments)
}

func writeSetting(_ path: String, _ value: String) throws {
  let descriptor = open(path, O_WRONLY | O_CLOEXEC)
  let bytes = Array(value.utf8)
  defer { if descriptor >= 0 { close(descriptor) } }
  guard descriptor >= 0, write(descriptor, bytes, bytes.count) == bytes.count else {
    throw Fault(
      .failed, operation: "write \(value) to \(path)", reason: String(cString: strerror(errno)),
      remedy: "run verify as root on a machine whose settings can be changed")
  }
}

private func controllers() -> [String] {
  // Without a cgroup file system there is nothing to remove.
  (try? FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup")) ?? []
}

/// Whether there is a platform to ask.
///
/// - Throws: `Fault(.unavailable)` for one that does not run: what it keeps is there again when it does.
private func exists(_ socket: String) throws -> Bool {
  if FileManager.default.fileExists(atPath: socket) { return true }
  // Of a platform that was removed nothing is left, nor of what it kept.
  guard FileManager.default.fileExists(atPath: (socket as NSString).deletingLastPathComponent) else { return false }
  throw Fault(
    .unavailable, operation: "take away what verify made through \(socket)", reason: "the platform does not run",
    remedy: "run 'lobstack up', and then 'lobstack verify --clean'")
}

private func removeAgent(_ id: AgentID, socket: String) async throws {
  guard try exists(socket) else { return }
  try await withClient(socket) { client in
    do {
      try await client.deleteAgent(id)
      for _ in 0..<150 {
        _ = try await client.agent(id)
        try await Task.sleep(for: .milliseconds(100))
      }
    } catch let fault as Fault where fault.code == .notFound {
      return
    }
    throw Fault(
      .timedOut, operation: "delete agent \(id)", reason: "it is still there after 15 s",
      remedy: "delete it with 'lobstack agent delete'")
  }
}

/// What is gone already is as good as removed.
private func removeThroughAPI(_ socket: String, _ body: (APIClient) async throws -> Void) async throws {
  guard try exists(socket) else { return }
  do { try await withClient(socket, body) } catch let fault as Fault where fault.code == .notFound {}
}

/// A client for one use.
func withClient<Value>(_ socket: String, _ body: (APIClient) async throws -> Value) async throws -> Value {
  let client = APIClient(address: .unix(socket))
  do {
    let value = try await body(client)
    try await client.shutdown()
    return value
  } catch {
    // The first error tells more than that of closing an idle connection.
    try? await client.shutdown()
    throw error
  }
}
