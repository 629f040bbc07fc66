/// How much of a machine an agent may use.
package enum Tier: String, Codable, Sendable, CaseIterable {
  case starter, standard, performance, enterprise

  /// Whole CPUs' worth of time.
  package var cpus: Int {
    switch self {
    case .starter: 1
    case .standard: 2
    case .performance: 4
    case .enterprise: 8
    }
  }

  package var memory: ByteSize { ByteSize(bytes: Int64(cpus) * 2 << 30) }

  /// Processes that the agent may run at once (RLIMIT_NPROC inside the sandbox).
  package var processes: Int { 64 + 64 * cpus }
}
