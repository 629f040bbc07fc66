import FoundationEssentials

/// What an agent used of the machine over the last hour, oldest first.
package struct UsageResource: Hashable, Sendable, Codable {
  /// What the kernel held the agent to when it was read last; what has no limit is left out.
  package struct Limits: Hashable, Sendable, Codable {
    /// CPUs' worth of time.
    package var cpus: Double?
    package var memoryBytes: Int64?
    package var tasks: Int64?

    package init(cpus: Double? = nil, memoryBytes: Int64? = nil, tasks: Int64? = nil) {
      self.cpus = cpus
      self.memoryBytes = memoryBytes
      self.tasks = tasks
    }
  }

  package struct Sample: Hashable, Sendable, Codable {
    package var time: Date
    /// CPUs' worth of time since the sample before; `nil` of the first since the sandbox was made.
    package var cpus: Double?
    /// To whole kibibytes.
    package var memoryBytes: Int64
    /// Threads on the machine, by which gVisor runs the agent's own; `nil` on a cluster, which does not know.
    package var tasks: Int64?

    package init(time: Date, cpus: Double?, memoryBytes: Int64, tasks: Int64?) {
      self.time = time
      self.cpus = cpus
      self.memoryBytes = memoryBytes
      self.tasks = tasks
    }
  }

  /// Between two samples of an agent that runs.
  package var intervalSeconds: Int
  package var limits: Limits
  package var samples: [Sample]

  package init(intervalSeconds: Int, limits: Limits, samples: [Sample]) {
    self.intervalSeconds = intervalSeconds
    self.limits = limits
    self.samples = samples
  }
}
