import Admission
import Faults
import Logging

/// The policies in force; that they change, and that they are refused, is recorded.
struct AdmissionPolicies: Sendable {
  private let live: LivePolicies
  private let audit: AuditTrail
  private let logger: Logger

  init(directory: String, audit: AuditTrail, logger: Logger) {
    live = LivePolicies(directory: directory)
    self.audit = audit
    self.logger = logger
  }

  var state: LivePolicies.State { live.state }

  /// Looks at the files, and takes them up when they have changed.
  func reload() async {
    var event = AuditEvent(
      actor: "control-plane", action: "policy.load", target: "admission", outcome: "allowed", details: [:])
    switch live.reload() {
    case .none: return
    case .loaded:
      let state = live.state
      let (version, count) = (state.version ?? "", "\(state.policies.constraints.count)")
      logger.info(
        "Admission policies are in force", metadata: ["version": "\(version)", "constraints.count": "\(count)"])
      event.details = ["version": version, "constraints": count]
    case .refused(let faults):
      let reason = BrokenPolicies(faults).description
      logger.error("Admission policies are refused", metadata: ["error": "\(reason)"])
      event.outcome = "failed"
      event.details = ["reason": shortened(reason, bytes: 1_024)]
    }
    await audit.note(event)
  }
}
