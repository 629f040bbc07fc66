/// What a control plane of a cluster has the recorder append to the audit log.
package struct AuditSubmission: Hashable, Sendable, Codable {
  package var actor: String
  package var action: String
  package var target: String
  package var outcome: String
  package var details: [String: String]

  package init(actor: String, action: String, target: String, outcome: String, details: [String: String]) {
    self.actor = actor
    self.action = action
    self.target = target
    self.outcome = outcome
    self.details = details
  }
}

/// Where an appended record is, once it is durable.
package struct AuditSubmissionReceipt: Hashable, Sendable, Codable {
  package var index: UInt64

  package init(index: UInt64) { self.index = index }
}
