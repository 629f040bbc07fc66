import AgentModel

/// What an agent that runs uses of the machine, as the kernel counts it for its control group.
package struct AgentUsage: Hashable, Sendable, Codable {
  package var uid: AgentUID
  /// The sandbox's process: with another one all counts begin anew.
  package var process: Int32
  /// By the machine's own clock, which nobody sets.
  package var readAt: ContinuousClock.Instant
  /// CPU time since the sandbox was made.
  package var cpuNanoseconds: UInt64
  package var memoryBytes: UInt64
  /// Threads on the machine.
  package var tasks: UInt64
  /// The limits that the kernel holds the agent to, in CPUs, bytes and threads; `nil` where there is none.
  package var cpuLimit: Double?
  package var memoryLimit: Int64?
  package var taskLimit: Int64?

  package init(
    uid: AgentUID, process: Int32, readAt: ContinuousClock.Instant, cpuNanoseconds: UInt64, memoryBytes: UInt64,
    tasks: UInt64, cpuLimit: Double? = nil, memoryLimit: Int64? = nil, taskLimit: Int64? = nil
  ) {
    self.uid = uid
    self.process = process
    self.readAt = readAt
    self.cpuNanoseconds = cpuNanoseconds
    self.memoryBytes = memoryBytes
    self.tasks = tasks
    self.cpuLimit = cpuLimit
    self.memoryLimit = memoryLimit
    self.taskLimit = taskLimit
  }
}
