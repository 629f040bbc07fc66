import Faults
import Foundation
import Glibc
import KernelFiles

/// Stops every process of a control group where it is, by the kernel: nothing in a sandbox has a part in it
/// (cgroups(7): the freezer controller of version 1, `cgroup.freeze` of version 2).
struct Freezer: Sendable {
  private static let patience = Duration.seconds(2)

  let group: String
  /// Directory of the group; `nil` where the kernel has no freezer.
  private let directory: String?
  private let version: Int

  init(_ group: String, of groups: ControlGroups) {
    self.group = group
    version = groups.version
    directory = groups.freezer.map { "\($0)\(group)" }
  }

  var isFrozen: Bool {
    guard let directory else { return false }
    // A group that is gone is not frozen.
    let text = (try? kernelFile(version == 2 ? "\(directory)/cgroup.events" : "\(directory)/freezer.state")) ?? ""
    return version == 2
      ? text.split(separator: "\n").contains("frozen 1")
      : text.trimmingCharacters(in: .whitespacesAndNewlines) == "FROZEN"
  }

  /// Returns when all of them stand still.
  ///
  /// - Throws: `Fault(.unsupported)` on a machine without a freezer; `Fault(.failed)` when one runs on after 2 s.
  func freeze() async throws {
    let operation = "freeze control group \(group)"
    guard let directory else {
      throw Fault(
        .unsupported, operation: operation, reason: "this machine has no 'freezer' control group controller",
        remedy: "mount it below /sys/fs/cgroup, or choose another response")
    }
    if version == 1 { try join(directory, operation) }
    let end = ContinuousClock.now + Self.patience
    while !isFrozen {
      guard ContinuousClock.now < end else {
        throw Fault(.failed, operation: operation, reason: "it is not frozen after 2 s", remedy: "kill the agent")
      }
      // Again each time: a process that was forked meanwhile keeps version 1 at "freezing".
      try set(true, operation)
      if !isFrozen { try await Task.sleep(for: .milliseconds(1)) }
    }
  }

  func thaw() throws {
    guard isFrozen else { return }
    try set(false, "thaw control group \(group)")
  }

  /// A runtime need not have made a group of this controller, nor put every process into it.
  private func join(_ directory: String, _ operation: String) throws {
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    } catch {
      throw Fault(
        .failed, operation: operation, reason: "\(directory) cannot be made", remedy: "see cgroups(7)", cause: error)
    }
    let procs = "\(directory)/cgroup.procs"
    let inside = Set(((try? kernelFile(procs)) ?? "").split(separator: "\n").compactMap { Int32($0) })
    for process in ControlGroups.processes(of: group).subtracting(inside) {
      // One that has just ended needs no freezing; one that could not be moved shows by running on.
      try? write("\(process)", to: procs, operation)
    }
  }

  private func set(_ isFrozen: Bool, _ operation: String) throws {
    guard let directory else { return }
    if version == 2 {
      try write(isFrozen ? "1" : "0", to: "\(directory)/cgroup.freeze", operation)
    } else {
      try write(isFrozen ? "FROZEN" : "THAWED", to: "\(directory)/freezer.state", operation)
    }
  }

  private func write(_ text: String, to file: String, _ operation: String) throws {
    let descriptor = open(file, O_WRONLY | O_CLOEXEC)
    defer { if descriptor >= 0 { close(descriptor) } }
    guard descriptor >= 0, Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count else {
      throw Fault(
        .failed, operation: operation, reason: "\(file): \(String(cString: strerror(errno)))", remedy: "see cgroups(7)")
    }
  }
}

extension SandboxRuntime {
  /// Stops every process of the sandbox where it is. Done when it is frozen already.
  package func freeze(_ id: SandboxID) async throws { try await freezer(id).freeze() }

  package func isFrozen(_ id: SandboxID) -> Bool { freezer(id).isFrozen }

  /// Ends every process of the sandbox at once, also of a frozen one; what is left of it `delete` removes.
  ///
  /// - Throws: `Fault(.failed)` when one lives on after 2 s.
  package func end(_ id: SandboxID) async throws {
    for _ in 0..<2_000 {
      var processes = ControlGroups.processes(of: id.cgroup)
      // A group that cannot be read looks as empty as one whose processes are gone.
      if let sandbox = process(of: id), isAlive(sandbox, in: id) { processes.insert(sandbox) }
      if processes.isEmpty { return }
      for process in processes { Glibc.kill(process, SIGKILL) }
      // Frozen ones take the signal before they run another instruction.
      try freezer(id).thaw()
      try await Task.sleep(for: .milliseconds(1))
    }
    throw Fault(
      .failed, operation: "end sandbox \(id)", reason: "a process of it lives on after 2 s", remedy: "see 'dmesg'")
  }

  /// - Returns: `false` for a number that another process has by now, and for one that has ended and was not reaped yet.
  private func isAlive(_ process: Int32, in id: SandboxID) -> Bool {
    guard let groups = try? kernelFile("/proc/\(process)/cgroup"), let status = ProcessStatus(process) else {
      return false
    }
    return groups.contains(":\(id.cgroup)\n") && !status.isZombie
  }

  private func freezer(_ id: SandboxID) -> Freezer { Freezer(id.cgroup, of: groups) }
}
