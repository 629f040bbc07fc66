import KernelFiles

/// What a sandbox uses of the machine, as the kernel counts it for the sandbox's control group.
package struct ResourceUsage: Hashable, Sendable {
  /// CPU time of all processes since the group was made.
  package var cpuNanoseconds: UInt64
  /// What counts against the limit: memory of the agent's programs, gVisor's own, and what it keeps of files.
  package var memoryBytes: UInt64
  /// Threads on the machine, by which gVisor runs the agent's own.
  package var tasks: UInt64
  /// The limits as the kernel holds them, in CPUs' worth of time, bytes and threads; `nil` where there is none.
  package var cpuLimit: Double?
  package var memoryLimit: Int64?
  package var taskLimit: Int64?
}

extension SandboxRuntime {
  /// - Returns: `nil` of a sandbox that is gone, or on a machine whose kernel does not count.
  package func usage(_ id: SandboxID) -> ResourceUsage? { groups.usage(of: id.cgroup) }
}

extension ControlGroups {
  /// - Returns: `nil` when one of the counts cannot be read: the group is gone, or nobody counts.
  func usage(of group: String) -> ResourceUsage? {
    func number(_ mount: String?, _ file: String) -> UInt64? {
      // A file that is not there tells nothing.
      guard let text = mount.flatMap({ try? kernelFile("\($0)\(group)/\(file)") }) else { return nil }
      return text.split(whereSeparator: \.isWhitespace).first.flatMap { UInt64($0) }
    }
    guard
      let cpu = version == 2 ? unifiedCPUTime(of: group) : number(accounting, "cpuacct.usage"),
      let memory = number(mounts["memory"], version == 2 ? "memory.current" : "memory.usage_in_bytes"),
      let tasks = number(mounts["pids"], "pids.current")
    else { return nil }
    let limits = limits(of: group)
    return ResourceUsage(
      cpuNanoseconds: cpu, memoryBytes: memory, tasks: tasks,
      cpuLimit: limits.cpuQuota.flatMap { $0 > 0 ? Double($0) / 100_000 : nil }, memoryLimit: limits.memory,
      taskLimit: limits.hostTasks)
  }

  /// In nanoseconds; the kernel tells microseconds.
  private func unifiedCPUTime(of group: String) -> UInt64? {
    // As above.
    guard let text = accounting.flatMap({ try? kernelFile("\($0)\(group)/cpu.stat") }) else { return nil }
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard fields.count == 2, fields[0] == "usage_usec", let microseconds = UInt64(fields[1]) else { continue }
      let (nanoseconds, isTooLarge) = microseconds.multipliedReportingOverflow(by: 1_000)
      return isTooLarge ? nil : nanoseconds
    }
    return nil
  }
}
