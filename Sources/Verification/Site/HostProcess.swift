import Foundation
import KernelFiles

/// A process as the host's /proc tells it: proc_pid_stat(5).
struct HostProcess: Sendable, Hashable {
  let pid: Int32
  let parent: Int32
  /// Clock ticks after boot; with the pid it names a process for good.
  let startTime: UInt64
  /// User and system time in clock ticks.
  let cpuTicks: UInt64
  let isZombie: Bool

  init?(_ pid: Int32) {
    // A process that has ended has no such file.
    guard let text = try? kernelFile("/proc/\(pid)/stat") else { return nil }
    // The program's name, in parentheses, may hold anything.
    guard let close = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: close)...].split(separator: " ")
    guard fields.count > 19, let parent = Int32(fields[1]),
      let user = UInt64(fields[11]), let system = UInt64(fields[12]), let start = UInt64(fields[19])
    else { return nil }
    self.pid = pid
    self.parent = parent
    startTime = start
    cpuTicks = user + system
    isZombie = fields[0] == "Z"
  }

  /// Whether it runs still: not another process with its number, and no zombie.
  var isRunning: Bool { HostProcess(pid).map { $0.startTime == startTime && !$0.isZombie } ?? false }

  /// What the process runs; `nil` when it has ended.
  var executable: String? {
    // A process may end between two looks at it.
    try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe")
  }

  var arguments: [String] {
    // As above.
    ((try? kernelFile("/proc/\(pid)/cmdline")) ?? "").split(separator: "\0").map(String.init)
  }

  /// The process with all that descend from it; empty when it has ended.
  static func tree(of root: Int32) -> [HostProcess] {
    let children = Dictionary(grouping: all, by: \.parent)
    var tree = HostProcess(root).map { [$0] } ?? []
    var next = 0
    while next < tree.count {
      tree += children[tree[next].pid] ?? []
      next += 1
    }
    return tree
  }

  static var all: [HostProcess] {
    // Without /proc nothing of verify works, and the first check says so.
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
    return names.compactMap { Int32($0) }.compactMap { HostProcess($0) }
  }
}
