import Faults
import Foundation
import KernelFiles

/// The machine's control groups, version 1 or 2 (cgroups(7)).
package struct ControlGroups: Sendable, Hashable {
  package static let needed = ["memory", "cpu", "pids"]

  /// Mount point of each needed controller; all the same on version 2.
  package let mounts: [String: String]
  /// Mount point of the controller that freezes; `nil` where there is none.
  let freezer: String?
  /// Mount point of the controller that counts CPU time, which is one of its own in version 1; `nil` where there is none.
  let accounting: String?
  package let version: Int

  /// - Throws: `Fault(.unsupported)` naming the controller that is missing: without it a limit would not hold.
  package static func detect(
    mountTable: String? = nil, controllers: String? = nil
  ) throws -> ControlGroups {
    let table = try mountTable ?? kernelFile("/proc/self/mounts")
    var mounts: [String: String] = [:]
    var unified: String?
    var (freezer, accounting): (String?, String?)
    for line in table.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count >= 4 else { continue }
      if fields[2] == "cgroup" {
        for option in fields[3].split(separator: ",") {
          if needed.contains(String(option)) { mounts[String(option)] = String(fields[1]) }
          if option == "freezer" { freezer = String(fields[1]) }
          if option == "cpuacct" { accounting = String(fields[1]) }
        }
      } else if fields[2] == "cgroup2" {
        unified = String(fields[1])
      }
    }
    if mounts.isEmpty, let unified {
      // A file that cannot be read offers no controller, which is told below.
      let offered = controllers ?? (try? kernelFile("\(unified)/cgroup.controllers")) ?? ""
      for controller in offered.split(whereSeparator: \.isWhitespace) where needed.contains(String(controller)) {
        mounts[String(controller)] = unified
      }
      return try ControlGroups(checked: mounts, freezer: unified, accounting: unified, version: 2)
    }
    return try ControlGroups(checked: mounts, freezer: freezer, accounting: accounting, version: 1)
  }

  private init(checked mounts: [String: String], freezer: String?, accounting: String?, version: Int) throws {
    if let missing = Self.needed.first(where: { mounts[$0] == nil }) {
      throw Fault(
        .unsupported, operation: "limit agents", reason: "this machine has no '\(missing)' control group controller",
        remedy: "enable it on the kernel's command line (cgroup_enable=\(missing)) or mount it below /sys/fs/cgroup")
    }
    self.mounts = mounts
    self.freezer = freezer
    self.accounting = accounting
    self.version = version
  }

  /// The kernel's own values of a group, read back.
  func limits(of group: String) -> ReadLimits {
    func value(_ controller: String, _ file: String) -> String? {
      guard let mount = mounts[controller] else { return nil }
      // A file that is not there reads as no limit at all, which the comparison then finds wanting.
      return (try? kernelFile("\(mount)\(group)/\(file)"))?
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
    if version == 2 {
      // "max 100000" without a quota: the period that follows is none.
      let quota = value("cpu", "cpu.max")?.split(separator: " ").first
      return ReadLimits(
        memory: value("memory", "memory.max").flatMap(Int64.init), cpuQuota: quota.flatMap { Int64($0) },
        hostTasks: value("pids", "pids.max").flatMap(Int64.init))
    }
    return ReadLimits(
      memory: value("memory", "memory.limit_in_bytes").flatMap(Int64.init),
      cpuQuota: value("cpu", "cpu.cfs_quota_us").flatMap(Int64.init),
      hostTasks: value("pids", "pids.max").flatMap(Int64.init))
  }

  /// Whether the kernel killed a process of the group for want of memory.
  func outOfMemory(_ group: String) -> Bool {
    guard let mount = mounts["memory"] else { return false }
    let file = version == 2 ? "memory.events" : "memory.oom_control"
    // A group that is gone has no more to tell.
    let text = (try? kernelFile("\(mount)\(group)/\(file)")) ?? ""
    return text.split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      return fields.count == 2 && fields[0] == "oom_kill" && fields[1] != "0"
    }
  }

  /// The processes in the group, by any hierarchy.
  static func processes(of group: String) -> Set<Int32> {
    Set(
      directories(of: group).flatMap { directory in
        // A group that is gone has none.
        let text = (try? kernelFile("\(directory)/cgroup.procs")) ?? ""
        return text.split(separator: "\n").compactMap { Int32($0) }
      })
  }

  /// Every directory of the group, in each hierarchy that is mounted.
  static func directories(of group: String) -> [String] {
    let table = (try? kernelFile("/proc/self/mounts")) ?? ""
    return table.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count >= 3, fields[2] == "cgroup" || fields[2] == "cgroup2" else { return nil }
      let path = "\(fields[1])\(group)"
      return FileManager.default.fileExists(atPath: path) ? path : nil
    }
  }
}

/// Limits as the kernel holds them; `nil` where there is none.
struct ReadLimits: Hashable, Sendable {
  var memory: Int64?
  var cpuQuota: Int64?
  var hostTasks: Int64?
}
