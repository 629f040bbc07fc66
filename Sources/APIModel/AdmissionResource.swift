import AgentModel
import FoundationEssentials

/// The policies in force, and what exists against them.
package struct AdmissionResource: Hashable, Sendable, Codable {
  /// What tells these policies from others; absent while there were never any that are whole.
  package var version: String?
  package var loadedAt: Date?
  /// What is wrong with the policies that lie there: nothing is created until it is mended.
  package var faults: [String]
  package var constraints: [Constraint]
  package var violations: [Violation]
  /// When the agents were last asked about.
  package var auditedAt: Date?

  package init(
    version: String?, loadedAt: Date?, faults: [String], constraints: [Constraint], violations: [Violation],
    auditedAt: Date?
  ) {
    self.version = version
    self.loadedAt = loadedAt
    self.faults = faults
    self.constraints = constraints
    self.violations = violations
    self.auditedAt = auditedAt
  }

  package struct Constraint: Hashable, Sendable, Codable {
    package var kind: String
    package var name: String
    /// deny, warn or dryrun; of several the hardest.
    package var action: String
    /// Of agents that exist, as far as the reader sees them.
    package var violations: Int

    package init(kind: String, name: String, action: String, violations: Int) {
      self.kind = kind
      self.name = name
      self.action = action
      self.violations = violations
    }
  }

  package struct Violation: Hashable, Sendable, Codable {
    package var agent: AgentID
    package var kind: String
    package var constraint: String
    package var action: String
    package var message: String
    package var field: String?

    package init(
      agent: AgentID, kind: String, constraint: String, action: String, message: String, field: String?
    ) {
      self.agent = agent
      self.kind = kind
      self.constraint = constraint
      self.action = action
      self.message = message
      self.field = field
    }
  }
}

/// What the policies in force say about an object that is only asked about.
package struct AdmissionReviewResource: Hashable, Sendable, Codable {
  package var allowed: Bool
  package var violations: [Violation]
  /// Why policies could not be asked: then it is not allowed.
  package var failures: [String]

  package init(allowed: Bool, violations: [Violation], failures: [String]) {
    self.allowed = allowed
    self.violations = violations
    self.failures = failures
  }

  package struct Violation: Hashable, Sendable, Codable {
    package var kind: String
    package var constraint: String
    package var action: String
    package var message: String
    package var field: String?

    package init(kind: String, constraint: String, action: String, message: String, field: String?) {
      self.kind = kind
      self.constraint = constraint
      self.action = action
      self.message = message
      self.field = field
    }
  }
}
