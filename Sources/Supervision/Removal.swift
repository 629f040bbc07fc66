import AgentModel
import CLinux
import ChildProcess
import Faults
import Foundation
import Glibc
import Logging

/// Removes by force what an orderly stop left: processes first, then what they held, files last.
struct Removal: Sendable {
  let layout: InstanceLayout
  let logger: Logger

  private var leftovers: Leftovers { Leftovers(layout) }

  func run() async throws {
    try await killProcesses()
    for name in leftovers.networkNamespaces() { await attempt("ip", ["netns", "delete", name]) }
    for name in leftovers.interfaces() { await attempt("ip", ["link", "delete", name]) }
    for _ in try await leftovers.firewallTables() {
      await attempt("nft", ["delete", "table", "inet", layout.firewallTable])
    }
    for path in try leftovers.mounts() { await attempt("umount", [path]) }
    // What is still busy lets go when its last user does.
    for path in try leftovers.mounts() { await attempt("umount", ["--lazy", path]) }
    for path in try leftovers.controlGroups() { removeControlGroup(path) }
    // What cannot be listed has no agents.
    let agents = (try? FileManager.default.contentsOfDirectory(atPath: layout.agentsDirectory)) ?? []
    for uid in agents.compactMap({ AgentUID($0) }) { _ = lobstack_fscrypt_forget(layout.logKeyName(uid)) }
    guard try leftovers.mounts().isEmpty, FileManager.default.fileExists(atPath: layout.root) else { return }
    do {
      try FileManager.default.removeItem(atPath: layout.root)
    } catch {
      throw Fault(
        .failed, operation: "remove \(layout.root)", reason: "some file cannot be removed",
        remedy: "remove the directory by hand", cause: error)
    }
  }

  private func killProcesses() async throws {
    let processes = InstanceProcesses(layout: layout)
    let deadline = ContinuousClock.now + .seconds(10)
    while case let found = processes.everything(), !found.isEmpty, ContinuousClock.now < deadline {
      for process in found { kill(process.process, SIGKILL) }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  /// cgroups are removed from the leaves up; rmdir(2) refuses one that still has processes.
  private func removeControlGroup(_ path: String) {
    // A group that vanished meanwhile has nothing to remove.
    for name in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
      var isDirectory: ObjCBool = false
      let child = "\(path)/\(name)"
      if FileManager.default.fileExists(atPath: child, isDirectory: &isDirectory), isDirectory.boolValue {
        removeControlGroup(child)
      }
    }
    rmdir(path)
  }

  private func attempt(_ program: String, _ arguments: [String]) async {
    do {
      try await Command(program, arguments).check(timeout: .seconds(20))
    } catch {
      // The read-back after the removal tells what it means; this tells why.
      logger.warning("A leftover cannot be removed", metadata: ["error": "\(error)"])
    }
  }
}
