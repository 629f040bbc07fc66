import APIClient
import APIModel
import AgentModel
import Faults

/// Waits for an agent to get where it was asked to go, telling each step.
struct AgentWait {
  let client: APIClient
  let id: AgentID

  /// A failure without a fault, of no program's end, may be one that a cluster's operator is about to try again.
  private static let patience = Duration.seconds(10)

  /// - Throws: the agent's own fault when it is `Failed` or `Quarantined`, and what a cluster calls so when it stays so;
  ///   `Fault(.timedOut)` after `limit`.
  func untilRunning(limit: Duration) async throws -> AgentResource {
    var failed: ContinuousClock.Instant?
    return try await until(limit, "run") { agent in
      guard agent.status.observedGeneration >= agent.metadata.generation else { return false }
      switch agent.status.phase {
      // Stopped: its program has ended and is not to be started again.
      case .running, .stopped: return true
      case .failed where agent.status.fault == nil && agent.status.lastExit == nil:
        let first = failed ?? .now
        failed = first
        guard .now >= first + Self.patience else { return false }
        throw failure(agent)
      case .failed, .quarantined:
        throw failure(agent)
      case .pending, .starting:
        failed = nil
        return false
      }
    }
  }

  private func failure(_ agent: AgentResource) -> Fault {
    agent.status.fault
      ?? Fault(
        .failed, operation: "run agent \(id)", reason: agent.status.reason ?? "no reason was told",
        remedy: "read 'lobstack agent logs \(id)'")
  }

  func untilStopped(limit: Duration) async throws -> AgentResource {
    try await until(limit, "stop") { agent in
      agent.status.observedGeneration >= agent.metadata.generation && agent.status.phase == .stopped
    }
  }

  func untilGone(limit: Duration) async throws {
    do {
      _ = try await until(limit, "go") { _ in false }
    } catch let fault as Fault where fault.code == .notFound {
      return
    }
  }

  private func until(
    _ limit: Duration, _ verb: String, isReached: (AgentResource) throws -> Bool
  ) async throws -> AgentResource {
    let deadline = ContinuousClock.now + limit
    var told = ""
    while true {
      let agent = try await client.agent(id)
      let state = agent.status.phase.rawValue + (agent.status.reason.map { ": \($0)" } ?? "")
      if state != told { tell("\(id): \(state)") }
      told = state
      if try isReached(agent) { return agent }
      guard ContinuousClock.now < deadline else {
        throw Fault(
          .timedOut, operation: "wait for agent \(id) to \(verb)", reason: "after \(limit) it is \(state)",
          remedy: "look at it with 'lobstack agent get \(id)'")
      }
      try await Task.sleep(for: .milliseconds(150))
    }
  }
}
