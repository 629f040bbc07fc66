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
  /// New agents that are being made known before the node asks for them.
  private let beginnings = Mutex<[AgentUID: Beginning]>([:])

  private enum Beginning {
    case begun(Task<Void, any Error>)
    /// Its outcome was used: later answers make sure again.
    case used
  }

  /// Agents that are answered at the same time.
  private static let answers = 8

  init(secrets: any SecretKeeping, audit: AuditTrail, logger: Logger) {
    self.secrets = secrets
    self.audit = audit
    self.logger = logger
  }

  /// Begins to make new agents known, which takes its time beside what the node does first.
  func begin(_ agents: [StoredAgent]) {
    beginnings.withLock { beginnings in
      for agent in agents where agent.wish == .run && agent.recordedPhase == nil && beginnings[agent.uid] == nil {
        // Awaited by the first answer, or before the agent is shut out.
        beginnings[agent.uid] = .begun(Task { [secrets] in try await secrets.enable(agent.id, uid: agent.uid) })
      }
      let new = Set(agents.filter { $0.recordedPhase == nil }.map(\.uid))
      // What was begun stays until it is awaited.
      beginnings = beginnings.filter { uid, beginning in
        if case .begun = beginning { true } else { new.contains(uid) }
      }
    }
  }

  private func takeBeginning(of uid: AgentUID) -> Task<Void, any Error>? {
    beginnings.withLock { beginnings in
      guard case .begun(let task)? = beginnings[uid] else { return nil }
      beginnings[uid] = .used
      return task
    }
  }

  /// Shuts out whoever is not to run: before anything else is done about it.
  func shutOut(_ agents: [StoredAgent]) async {
    for agent in agents where agent.wish != .run && isDue(agent.uid) {
      do {
        // What was begun would open again what is shut here; whether it succeeded does not matter.
        _ = await takeBeginning(of: agent.uid)?.result
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
  /// - Returns: the tokens in the order of the requests, and why one that was asked for is not among them.
  func answer(_ requests: [AgentID], agents: [StoredAgent]) async -> (tokens: [AgentToken], refusal: Fault?) {
    let running = Dictionary(agents.filter { $0.wish == .run }.map { ($0.id, $0) }) { first, _ in first }
    let asking = requests.compactMap { running[$0] }
    return await withTaskGroup(of: (place: Int, answer: Result<AgentToken, Fault>).self) { group in
      var tokens: [Int: AgentToken] = [:]
      var refusal: Fault?
      func take(_ place: Int, _ answer: Result<AgentToken, Fault>) {
        switch answer {
        case .success(let token): tokens[place] = token
        case .failure(let fault): refusal = refusal ?? fault
        }
      }
      for (place, agent) in asking.enumerated() {
        if place >= Self.answers, let done = await group.next() { take(done.place, done.answer) }
        // The others would fail as it did, each after its own patience.
        guard refusal == nil else { break }
        group.addTask { (place, await self.answer(agent)) }
      }
      for await (place, answer) in group { take(place, answer) }
      return (tokens.sorted { $0.key < $1.key }.map(\.value), refusal)
    }
  }

  private func answer(_ agent: StoredAgent) async -> Result<AgentToken, Fault> {
    do {
      if let begun = takeBeginning(of: agent.uid) {
        try await begun.value
      } else {
        try await secrets.enable(agent.id, uid: agent.uid)
      }
      let token = try await secrets.token(for: agent.id)
      try await audit.require(
        AuditEvent(
          actor: "control-plane", action: "identity.token", target: "agent \(agent.id)", outcome: "allowed",
          details: ["audience": "openbao"]))
      return .success(AgentToken(agent: agent.id, token: token))
    } catch {
      logger.warning("An agent cannot log in", metadata: ["agent.id": "\(agent.id)", "error": "\(error)"])
      return .failure(Fault.wrap(error, operation: "let agent \(agent.id) log in", remedy: "see 'lobstack status'"))
    }
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
    // What was begun would make it anew.
    _ = await takeBeginning(of: agent.uid)?.result
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
