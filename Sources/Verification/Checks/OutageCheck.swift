import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import Glibc
import Turns

/// REL-2: each enforcer stopped in turn, on a second platform.
struct OutageCheck: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "REL-2", layer: "reliability",
        title:
          "with an enforcer stopped new work is refused, agents run on, nothing opens, and it comes back by itself",
        deadline: .seconds(200), isAlone: true, isLong: true, body: outages)
    ]
  }

  private func outages() async throws -> Finding {
    let platform = try await fixtures.harmed.value
    return try await platform.turn.take { try await stopEach(platform) }
  }

  private func stopEach(_ platform: HarmedPlatform) async throws -> Finding {
    guard let far = IPAddress("93.184.215.16") else { throw NotTestable("no address to try") }
    let works = Works(platform: platform, far: far, token: try await platform.agents.token("outage"))
    // What is refused later has to work now.
    let start = try await works.newAgent("before")
    var trials: [Trial] = []
    var remarks: [String] = []
    for (component, kind) in [
      ("gateway", Works.Kind.page), ("proxy", .egress), ("sentinel", .name), ("control-plane", .call),
      ("vault", .secret),
    ] {
      let (made, remark) = try await stop(component, kind, works, start: start)
      trials += made
      remarks.append(remark)
    }
    var finding = Finding(trials)
    if finding.verdict == .proven { finding.evidence += remarks }
    return finding
  }

  /// Stops a process where it stands, tries, ends it, and waits for it to come back.
  private func stop(_ component: String, _ kind: Works.Kind, _ works: Works, start: AttackOutcome) async throws -> (
    [Trial], String
  ) {
    let platform = works.platform
    let before = try await works.outcome(of: kind)
    let way = try await works.egress()
    guard let process = platform.component(component), let sandbox = try await platform.target.process(),
      let alive = HostProcess(sandbox)
    else { throw NotTestable("the second platform has no process '\(component)'") }
    kill(process.pid, SIGSTOP)
    let during: (work: AttackOutcome, new: AttackOutcome, opening: AttackOutcome)
    do {
      async let new = works.newAgent(component)
      let work = try await works.outcome(of: kind)
      let opening = try await works.opening()
      during = (work, try await new, opening)
    } catch {
      kill(process.pid, SIGKILL)
      throw error
    }
    let size = Heartbeat(of: platform.target).size
    try await Task.sleep(for: .milliseconds(400))
    let runsOn = HostProcess(sandbox)?.startTime == alive.startTime && Heartbeat(of: platform.target).size > size
    kill(process.pid, SIGKILL)
    let end = ContinuousClock.now
    let isBack = try await works.comeBack(kind)
    let recovery = end.duration(to: .now).milliseconds
    let refusal = component == "gateway" ? nil : try await works.whyNewAgentDoesNotRun(component)
    let lasting: AttackOutcome =
      if !runsOn {
        .succeeded("the agent's process \(sandbox) did not run on")
      } else if !isBack {
        .succeeded("it did not come back within 30 s")
      } else if let refusal {
        .succeeded("no agent can be started afterwards: \(refusal)")
      } else {
        .prevented("the agent ran on, and \(recovery) ms after its end the \(component) was at work again")
      }
    var trials = [
      Trial("use the stopped \(component)", withoutControl: before, withControl: during.work),
      Trial("get out while the \(component) is stopped", withoutControl: way, withControl: during.opening),
      Trial("break more than the \(component)", withoutControl: before, withControl: lasting),
    ]
    if component != "gateway" {
      trials.append(
        Trial("start an agent while the \(component) is stopped", withoutControl: start, withControl: during.new))
    }
    return (trials, "\(component): \(recovery) ms until it was back")
  }
}

/// What is tried of a platform before, during and after an outage.
private struct Works: Sendable {
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
    guard let reply = NameAnswer(answer.bytes), reply.records > 0 else { return .prevented("the name was not found") }
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

  // MARK: New agents

  /// Asks for an agent, and waits for the reason why it does not start.
  func newAgent(_ name: String) async throws -> AttackOutcome {
    let id = try platform.agents.name("new-\(name)")
    do {
      return try await withDeadline(.seconds(20)) { try await start(id) }
    } catch let fault as Fault {
      return .prevented("refused: \(fault.reason)")
    } catch is DeadlinePassed {
      return .prevented("no agent within 20 s")
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
