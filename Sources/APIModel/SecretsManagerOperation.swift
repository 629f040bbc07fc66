/// What root did to the secrets manager beside the API, told so that the audit log has it.
package struct SecretsManagerOperation: Sendable, Codable {
  package enum Action: String, Sendable, Codable, CaseIterable {
    case snapshot = "vault.snapshot"
    case restore = "vault.restore"
    case rotateKeys = "vault.rotate-keys"
    case token = "vault.token"
  }

  package enum Outcome: String, Sendable, Codable {
    /// It is about to happen.
    case allowed
    case failed
  }

  package var action: Action
  package var outcome: Outcome
  /// Why it failed.
  package var reason: String?

  package init(_ action: Action, _ outcome: Outcome, reason: String? = nil) {
    self.action = action
    self.outcome = outcome
    self.reason = reason
  }
}
