/// Where an agent is in its life.
package enum AgentPhase: String, Sendable, Codable, CaseIterable {
  case pending = "Pending"
  case starting = "Starting"
  case running = "Running"
  case stopped = "Stopped"
  case failed = "Failed"
  case quarantined = "Quarantined"
}

/// One of the layers round an agent, with what was last read back of it.
package struct LayerStatus: Hashable, Sendable, Codable {
  package enum State: String, Sendable, Codable, CaseIterable {
    /// A read-back just proved it.
    case enforced
    /// A read-back found it missing or changed.
    case failed
    /// Nothing was read back, because the agent does not run.
    case unknown
  }

  /// The layer's name: `sandbox`, `resources`, `network`, `audit`.
  package var layer: String
  package var state: State
  /// What the read-back saw, in words for an operator.
  package var evidence: String

  package init(layer: String, state: State, evidence: String) {
    self.layer = layer
    self.state = state
    self.evidence = evidence
  }
}

/// How an agent's last process ended.
package struct AgentExit: Hashable, Sendable, Codable {
  /// The program's exit code, 128 + signal when a signal ended it.
  package var code: Int32
  /// The kernel ended it because it went over its memory limit.
  package var outOfMemory: Bool

  package init(code: Int32, outOfMemory: Bool = false) {
    self.code = code
    self.outOfMemory = outOfMemory
  }
}
