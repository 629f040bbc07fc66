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
        await gate.policies.reload()
        // Another may have taken them up meanwhile.
        let current = gate.policies.state.version
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
    var findings: [AgentUID: AdmissionFindings.Finding] = [:]
    for stored in try await store.desiredAgents().agents where stored.wish != .destroy {
      let decision = try gate.decision(about: stored.agent, at: .audit, state.policies)
      for failure in decision.failures {
        logger.error("A policy could not be asked", metadata: ["error": "\(failure)"])
      }
      // What could not be asked about is not known to be allowed.
      if decision.failures.isEmpty {
        findings[stored.uid] = AdmissionFindings.Finding(
          id: stored.id, version: version, violations: decision.violations)
      }
      // Others wait for the same threads.
      await Task.yield()
    }
    gate.findings.replace(findings, at: .now)
  }
}
