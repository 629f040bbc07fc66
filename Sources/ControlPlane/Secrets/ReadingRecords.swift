import AgentModel
import NodeProtocol
import Storage
import Synchronization

/// Records which secrets were read as which agent: each version once, and once more after a start of the control plane.
///
/// The node reads every five minutes, and what it reads again is no news; each single reading stands in the secrets
/// manager's own audit log.
final class ReadingRecords: Sendable {
  private let audit: AuditTrail
  private let recorded = Mutex<[AgentUID: Set<SecretReading>]>([:])

  init(audit: AuditTrail) { self.audit = audit }

  /// - Parameter held: what the node says that it holds for the agent.
  func record(_ held: [SecretReading], of agent: StoredAgent) async throws {
    let known = recorded.withLock { $0[agent.uid] ?? [] }
    for reading in held where !known.contains(reading) {
      try await audit.require(
        AuditEvent(
          actor: "agent:\(agent.id)", action: "secret.read", target: "secret \(reading.reference)", outcome: "allowed",
          details: ["version": "\(reading.version)", "uid": "\(agent.uid)"]))
    }
    // What it holds no longer is read anew when it comes back.
    guard Set(held) != known else { return }
    recorded.withLock { $0[agent.uid] = Set(held) }
  }

  func forget(_ agent: AgentUID) { _ = recorded.withLock { $0.removeValue(forKey: agent) } }
}
