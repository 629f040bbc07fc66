import Faults
import Rego

/// That an object breaks a constraint.
package struct Violation: Sendable, Hashable {
  package var constraintKind: String
  package var constraint: String
  package var actions: Set<EnforcementAction>
  package var message: String
  /// As JSON; `nil` when the policy gives none.
  package var details: String?
  /// The field that is wrong, where the policy names it (`details.field`).
  package var field: String?

  /// As Gatekeeper tells it.
  package var text: String { "[\(constraint)] \(message)" }

  /// What follows: of several actions the hardest.
  package var action: EnforcementAction { actions.min() ?? .deny }
}

/// What policies say about an object.
package struct Decision: Sendable {
  package var violations: [Violation] = []
  /// Policies that could not be asked. What is not decided is not allowed.
  package var failures: [Fault] = []

  package init(violations: [Violation] = [], failures: [Fault] = []) {
    (self.violations, self.failures) = (violations, failures)
  }

  package var isAllowed: Bool { failures.isEmpty && denials.isEmpty }
  package var denials: [Violation] { violations(.deny) }
  package var warnings: [Violation] { violations(.warn) }
  package var dryRuns: [Violation] { violations(.dryrun) }

  private func violations(_ action: EnforcementAction) -> [Violation] {
    violations.filter { $0.actions.contains(action) }
  }
}
