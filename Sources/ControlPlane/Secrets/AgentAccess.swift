import AgentModel
import Faults
import FoundationEssentials
import Logging
import NodeProtocol
import Storage
import Synchronization

/// Keeps the secrets manager's word of each agent at what is wished of it: one that is to run may log in, any other may
/// not.
final class AgentAccess: Sendable {
  private let secrets: any SecretKeeping
  private let audit: AuditTrail
  private let logger: Logger
  /// When it was last made sure, by agent, that it may not log in.
  private let shutOut = Mutex<[AgentUID: ContinuousClock.Instant]>([:])
  /// How long that counts: a snapshot that is restored knows an agent as it was.
  private static let life = Duration.seconds(300)

  init(secrets: any SecretKeeping, audit: AuditTrail, logger: Logger) {
    self.secrets = secrets
    self.audit = audit
    self.logger = logger
  }

  /// Shuts out whoever is not to run: before anything else is done about it.
  func shutOut(_ agents: [StoredAgent]) async {
    for agent in agents where agent.wish != .run && isDue(agent.uid) {
      do {
        try await secrets.disable(agent.id, uid: agent.uid)
        shutOut.withLock { $0[agent.uid] = .now }
      } catch {
        // Tried again with the next push; its sandbox ends all the same.
        logger.warning("An agent's tokens still count", metadata: ["agent.id": "\(agent.id)", "error": "\(error)"])
      }
    }
    let ended = Set(agents.filter { $0.wish != .run }.map(\.uid))
    shutOut.withLock { $0 = $0.filter { ended.contains($0.key) } }
  }

  private func isDue(_ uid: AgentUID) -> Bool {
    shutOut.withLock { $0[uid] }.map { ContinuousClock.now - $0 > Self.life } ?? true
  }

  /// Tokens for the agents that the node wants to log in as, each recorded before it is given out.
  ///
  /// - Returns: the tokens, and why one that was asked for is not among them.
  func answer(_ requests: [AgentID], agents: [StoredAgent]) async -> (tokens: [AgentToken], refusal: Fault?) {
    let running = Dictionary(agents.filter { $0.wish == .run }.map { ($0.id, $0) }) { first, _ in first }
    var tokens: [AgentToken] = []
    for id in requests {
      guard let agent = running[id] else { continue }
      do {
        try await secrets.enable(id, uid: agent.uid)
        let token = try await secrets.token(for: id)
        try await audit.require(
          AuditEvent(
            actor: "control-plane", action: "identity.token", target: "agent \(id)", outcome: "allowed",
            details: ["audience": "openbao"]))
        tokens.append(AgentToken(agent: id, token: token))
      } catch {
        let fault = Fault.wrap(error, operation: "let agent \(id) log in", remedy: "see 'lobstack status'")
        logger.warning("An agent cannot log in", metadata: ["agent.id": "\(id)", "error": "\(error)"])
        // The others would fail as it did, each after its own patience.
        return (tokens, fault)
      }
    }
    return (tokens, nil)
  }

  /// Destroys the secrets of an agent of which nothing else is left, and records what.
  func destroy(_ agent: StoredAgent) async throws {
    // Before it is done, as with everything: when the log cannot be written, it is not done.
    for secret in try await secrets.own(agent.id) {
      try await audit.require(
        AuditEvent(
          actor: "control-plane", action: "secret.delete", target: "secret \(secret)", outcome: "allowed",
          details: ["reason": "its agent is deleted"]))
    }
    let destroyed = try await secrets.destroy(agent.id, uid: agent.uid)
    try await audit.require(
      AuditEvent(
        actor: "control-plane", action: "agent.shred", target: "agent \(agent.id)", outcome: "destroyed",
        details: [
          "uid": "\(agent.uid)", "key": "transit/keys/volume-\(agent.uid)", "entity": "lobstack-agent",
          "secrets": "\(destroyed.count)",
        ]))
  }
}
