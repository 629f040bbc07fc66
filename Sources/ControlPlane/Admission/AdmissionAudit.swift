import Admission
import AgentModel
import FoundationEssentials
import Logging
import ServiceLifecycle
import Storage

/// Takes up changed policies, and asks them about the agents that exist: at each change, and every ten minutes, because
/// what a policy says may depend on the time.
struct AdmissionAudit: Service {
  private static let look = Duration.seconds(2)
  private static let period = Duration.seconds(600)

  let gate: AdmissionGate
  let store: Store
  let logger: Logger

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var next = ContinuousClock.now
      var version: String?
      while !Task.isCancelled {
        let current: String?
        do { current = try await gate.policies.reload().version } catch {
          logger.warning("Policies are not looked at", metadata: ["error": "\(error)"])
          current = version
        }
        if current != version || ContinuousClock.now >= next {
          do {
            try await audit()
            (version, next) = (current, .now + Self.period)
          } catch {
            logger.warning("Agents are not asked about", metadata: ["error": "\(error)"])
          }
        }
        do { try await Task.sleep(for: Self.look) } catch { return }
      }
    }
  }

  /// Asks about every agent, once.
  func audit() async throws {
    let state = gate.policies.state
    guard let version = state.version else { return }
    let start = ContinuousClock.now
    var (findings, failures) = ([AgentUID: AdmissionFindings.Finding](), [String]())
    for stored in try await store.desiredAgents().agents where stored.wish != .destroy {
      let decision = try await gate.decision(about: stored.agent, at: .audit, state.policies)
      for failure in decision.failures {
        logger.error("A policy could not be asked", metadata: ["error": "\(failure)"])
        failures.append("\(failure)")
      }
      // What could not be asked about is not known to be allowed.
      if decision.failures.isEmpty {
        findings[stored.uid] = AdmissionFindings.Finding(
          id: stored.id, version: version, violations: decision.violations)
      }
    }
    gate.findings.replace(findings, failures: failures, since: start, at: .now)
  }
}
