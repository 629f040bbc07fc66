import Admission
import Faults
import Logging

/// The policies in force; that they change, and that they are refused, is recorded.
struct AdmissionPolicies: Sendable {
  private let live: LivePolicies
  private let threads = EvaluationThreads()
  private let audit: AuditTrail
  private let logger: Logger

  init(directory: String, audit: AuditTrail, logger: Logger) {
    live = LivePolicies(directory: directory)
    self.audit = audit
    self.logger = logger
  }

  var state: LivePolicies.State { live.state }

  /// Looks at the files, and takes them up when they have changed; what changed a moment ago counts already.
  ///
  /// - Returns: what is in force then.
  /// - Throws: `Fault(.exhausted)` when too many wait for that.
  @discardableResult
  func reload() async throws -> LivePolicies.State {
    let (change, state) = try await run { [live] in live.reload() }
    await record(change, state)
    return state
  }

  /// Runs `body` where it holds up nobody who answers.
  func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    do { return try await threads.run(body) } catch is EvaluationThreads.Busy {
      throw Fault(
        .exhausted, operation: "ask the admission policies", reason: "too many wait for their answers",
        remedy: "try again in a moment")
    }
  }

  private func record(_ change: LivePolicies.Change, _ state: LivePolicies.State) async {
    var event = AuditEvent(
      actor: "control-plane", action: "policy.load", target: "admission", outcome: "allowed", details: [:])
    switch change {
    case .none: return
    case .loaded:
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
