import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import Glibc

/// What is tried of a platform before, during and after an outage.
struct Works: Sendable {
  enum Kind: Sendable {
    /// An agent's page, by way of the gateway.
    case page
    /// A host of the agent's list, by way of the node proxy.
    case egress
    /// One of the agent's names, by way of the sentinel.
    case name
    /// A call of the API.
    case call
    /// A secret's next version.
    case secret
    /// A program in an agent, which has to be recorded.
    case exec
  }

  let platform: HarmedPlatform
  let far: IPAddress
  let token: String

  func outcome(of kind: Kind) async throws -> AttackOutcome {
    switch kind {
    case .page: try await page()
    case .egress: try await egress()
    case .name: try await name()
    case .call: try await call()
    case .secret: try await secret()
    case .exec: try await exec()
    }
  }

  private func page() async throws -> AttackOutcome {
    let door = try GatewayDoor(platform.layout)
    do {
      let answer = try await door.page(of: platform.agent, token: token)
      return answer.text.contains(platform.target.canary)
        ? .succeeded("the page came back") : .prevented("refused: \(answer.status ?? 0) \(answer.reason)")
    } catch let fault as Fault {
      return .prevented("no page: \(fault.reason)")
    }
  }

  func egress() async throws -> AttackOutcome {
    try await platform.reach(hello(platform.names.host(at: far)), at: far, byProgram: true)
  }

  /// A host off the list, and a port that is never open.
  func opening() async throws -> AttackOutcome {
    let label = NameServer.label(of: far)
    let dials = [
      hello("\(label).\(platform.names.unlistedHost)"), Dial(address: far.description, port: 8443, bytes: []),
      Dial(address: far.description, port: 53, bytes: NameQuery(name: "out.example").bytes, isDatagram: true),
    ]
    let before = arrivals()
    let answers = try await platform.target.dial(dials, byProgram: true)
    let own = platform.target.network.address
    let leaked = platform.world.arrivals.count { $0.source == own }
    guard arrivals() == before, leaked == 0, !answers.contains(where: { $0.text.contains("lobstack witness") }) else {
      return .succeeded("the witness world was reached")
    }
    return .prevented(
      "a host off the list, another port and DNS elsewhere stayed closed; nothing reached the witness world")
  }

  private func arrivals() -> Int { platform.world.arrivals.count { $0.destination == far } }

  private func hello(_ name: String) -> Dial {
    Dial(address: EgressChecks.anywhere, port: 443, bytes: ClientHello(serverName: name).bytes)
  }

  private func name() async throws -> AttackOutcome {
    let query = NameQuery(name: "api.lobstack.internal").bytes
    let dial = Dial(address: EgressChecks.anywhere, port: 53, bytes: query, isDatagram: true)
    let answer = try await platform.target.dial([dial], byProgram: true)[0]
    guard let reply = NameAnswer(answer.bytes, to: query), reply.records > 0 else {
      return .prevented("the name was not found")
    }
    return .succeeded("the name was found")
  }

  private func call() async throws -> AttackOutcome {
    do {
      let size = try await withDeadline(.seconds(3)) { try await platform.agents.client.status().audit?.size ?? 0 }
      return .succeeded("the API answered, with \(size) records")
    } catch let fault as Fault {
      return .prevented("refused: \(fault.reason)")
    } catch is DeadlinePassed {
      return .prevented("no answer within 3 s")
    }
  }

  private func secret() async throws -> AttackOutcome {
    do {
      // Not the one that the agent uses: its key has to stay what the other trials know.
      guard let name = SecretName("outage") else { throw NotTestable("no secret could be named") }
      _ = try await withDeadline(.seconds(3)) { try await platform.agents.setSecret(name, for: "r") }
      return .succeeded("the secret was set")
    } catch let fault as Fault {
      return .prevented("refused: \(fault.reason)")
    } catch is DeadlinePassed {
      return .prevented("no answer within 3 s")
    }
  }

  /// Several times, because the last block of a full disk may have room for some records.
  private func exec() async throws -> AttackOutcome {
    for _ in 0..<Self.mostExecs {
      do {
        let result = try await withDeadline(.seconds(5)) { try await platform.target.run("echo done") }
        guard result.output.contains("done") else { return .prevented("it did nothing: \(result.output.prefix(200))") }
      } catch let fault as Fault {
        return .prevented("refused: \(fault.reason)")
      } catch is DeadlinePassed {
        return .prevented("no answer within 5 s")
      }
    }
    return .succeeded("\(Self.mostExecs) programs were run in the agent")
  }

  private static let mostExecs = 40

  // MARK: New agents

  /// Asks for an agent, and waits for the reason why it does not start.
  func newAgent(_ name: String) async throws -> AttackOutcome {
    let id = try platform.agents.name("new-\(name)")
    do {
      return try await withDeadline(.seconds(20)) { try await start(id) }
    } catch let fault as Fault {
      return .prevented("refused: \(fault.reason)")
    } catch is DeadlinePassed {
      // Whoever could tell why may be what stands still.
      let status = try? await withDeadline(.seconds(2)) { try await platform.agents.client.agent(id).status }
      let reason = status.map { "\($0.phase.rawValue), \($0.fault?.reason ?? $0.reason ?? "with no reason given")" }
      return .prevented("no agent within 20 s: \(reason ?? "the API does not answer")")
    }
  }

  private func start(_ id: AgentID) async throws -> AttackOutcome {
    // An answer that does not come in time is no answer.
    try await withDeadline(.seconds(4)) {
      _ = try await platform.agents.client.createAgent(
        document: platform.agents.document(
          id, image: platform.image, canary: randomText(), egress: platform.names.open))
    }
    while true {
      let status = try await platform.agents.client.agent(id).status
      if status.phase == .running { return .succeeded("the agent runs") }
      if status.phase == .failed {
        return .prevented("refused: \(status.fault?.reason ?? status.reason ?? "no reason")")
      }
      try await Task.sleep(for: .milliseconds(200))
    }
  }

  /// Asks for the agent once more if the outage made it fail, or kept it from being taken at all.
  ///
  /// - Returns: `nil` when it runs.
  func whyNewAgentDoesNotRun(_ name: String) async throws -> String? {
    let id = try platform.agents.name("new-\(name)")
    let client = platform.agents.client
    var reason = "it was not taken"
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
      do {
        let status = try await client.agent(id).status
        reason = "\(status.phase.rawValue): \(status.fault?.reason ?? status.reason ?? "no reason given")"
        if [.running, .failed].contains(status.phase) { try await client.deleteAgent(id) }
        if status.phase == .running { return nil }
      } catch let fault as Fault where fault.code == .notFound {
        do {
          _ = try await client.createAgent(
            document: platform.agents.document(
              id, image: platform.image, canary: randomText(), egress: platform.names.open))
        } catch let fault as Fault { reason = fault.reason }
      } catch let fault as Fault { reason = fault.reason }
      try await Task.sleep(for: .milliseconds(200))
    }
    return reason
  }

  func restarts() async throws -> Int { try await platform.agents.client.agent(platform.agent).status.restarts }

  /// Why the agent ended, as the audit log has it; waits ten seconds for the record.
  func recordedEnd(restarts: Int) async throws -> String {
    for _ in 0..<100 {
      let record = try await platform.agents.client.recentRecord(of: platform.agent) {
        $0.action == "agent.phase" && $0.details["restarts"] == "\(restarts)"
      }
      if let reason = record?.details["last.termination"] { return reason }
      try await Task.sleep(for: .milliseconds(100))
    }
    return "no reason is recorded"
  }

  /// Whether the work is done again within half a minute.
  func comeBack(_ kind: Kind) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(30)
    while ContinuousClock.now < end {
      // A work that cannot even be tried is not done.
      if case .succeeded? = try? await outcome(of: kind) { return true }
      try await Task.sleep(for: .milliseconds(200))
    }
    return false
  }
}
