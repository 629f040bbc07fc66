import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// REL-2: what enforces is stopped, each in turn and for everybody: by `--break` alone. The sentinels are not among it:
/// all agents of a node end with its sentinel.
struct OutageChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>
  let tell: @Sendable (String) -> Void

  /// In which nothing new may begin, at least and at most.
  private static let shortestWatch = Duration.seconds(10)
  private static let longestWatch = Duration.seconds(90)

  private enum Work: Sendable {
    case pod
    case agent(before: AgentRole, during: AgentRole)
  }

  var all: [Check] {
    let enforcers: [(String, Work)] = [
      ("admission", .pod), ("operator", .agent(before: .operatorBefore, during: .operatorDuring)),
      ("name-server", .agent(before: .namesBefore, during: .namesDuring)),
    ]
    return enforcers.map { name, work in
      Check(
        "REL-2-\(name.uppercased())", layer: "reliability",
        title: "with its \(name) stopped nothing new begins, agents run on, nothing opens, and it comes back",
        deadline: ClusterVerify.stageDeadline * 2, isAlone: true, isBreak: true
      ) { try await suffer(Outage(site: site, name: name), work) }
    }
  }

  private func suffer(_ outage: Outage, _ work: Work) async throws -> Finding {
    let stage = try await stage.value
    let name = outage.name
    let before: AttackOutcome
    var watch = Self.shortestWatch
    switch work {
    case .pod: before = try await newPod()
    case .agent(let role, _):
      let time = try await startTime(role)
      before = .succeeded("a new agent runs after \(time.milliseconds) ms")
      watch = try Self.watch(forStartsOf: time)
    }
    tell("stopping the \(outage.label) for everybody, usually for half a minute, for seven minutes at most")
    let result: Result<(AttackOutcome, AttackOutcome, AttackOutcome, ProbePod?), any Error>
    do {
      try await outage.begin()
      let probe = if case .agent(_, let role) = work { try await agent(role) } else { nil as ProbePod? }
      let new = if let probe { try await doesNotRun(probe, watch) } else { try await newPod() }
      let (control, opened) = try await knock(stage, name)
      result = .success((new, control, opened, probe))
    } catch { result = .failure(error) }
    let start = ContinuousClock.now
    // Awaited in a task of its own: a cancelled one could give nothing back.
    let failures = await Task { await site.removal.restore("\(RunMark.label)=\(site.mark.id)") }.value
    guard failures.isEmpty else { return Finding(.failed, evidence: failures) }
    tell("the \(outage.label) has its Pods back")
    let (new, control, opened, probe) = try result.get()
    try await outage.recovery()
    var remarks = ["\(name) was ready \(start.duration(to: .now).milliseconds) ms after it was given its Pods back"]
    var runsOn = try await agentsRunOn(stage)
    if let probe {
      _ = try await probe.started()
      remarks.append("the new agent runs \(start.duration(to: .now).milliseconds) ms after that")
      try await probe.remove()
    } else if case .prevented(let why) = try await newPod() {
      runsOn = .succeeded("new Pods are refused after it, too: \(why)")
    }
    var finding = Finding([
      Trial("begin something new", withoutControl: before, withControl: new),
      Trial("reach an agent meanwhile", withoutControl: control, withControl: opened),
      Trial("harm agents that run", withoutControl: .succeeded("\(name) had no Pods"), withControl: runsOn),
    ])
    finding.evidence += remarks
    return finding
  }

  private func newPod() async throws -> AttackOutcome {
    var pod = try site.agentPod()
    pod.name = site.agentName(.dry)
    // Its own would be made with the agent: for want of it the Pod is refused whatever admission says.
    pod.change("spec") { $0["serviceAccountName"] = "default" }
    do {
      try await site.client.create(pod, of: .pods, WriteOptions(isDryRun: true))
      return .succeeded("an agent's Pod is accepted, as a dry run")
    } catch let fault as Fault where [.denied, .failed, .unavailable].contains(fault.code) {
      // A tired API server, and a no of somebody else, are not what was stopped.
      return fault.reason.contains("failed calling webhook")
        ? .prevented("an agent's Pod is refused: \(oneLine(fault.reason))")
        : .unknown("an agent's Pod is refused for another reason: \(oneLine(fault.reason))")
    }
  }

  private func agent(_ role: AgentRole) async throws -> ProbePod {
    let plan = ProbePlan(nonce: UUID().uuidString, canary: UUID().uuidString)
    return try await site.make(ProbePods(site: site).agent(site.agentName(role), plan), plan)
  }

  /// Thrice as long as a start took with it there: what does not run by then does not for want of time.
  ///
  /// - Throws: `NotTestable` where that is longer than everybody can be without the enforcer.
  static func watch(forStartsOf time: Duration) throws -> Duration {
    let watch = max(shortestWatch, .seconds((time * 3).components.seconds + 1))
    guard watch <= longestWatch else {
      throw NotTestable(
        "a new agent takes \(time.milliseconds) ms to run: for want of time it would not run within \(longestWatch), either"
      )
    }
    return watch
  }

  /// With the enforcer there.
  private func startTime(_ role: AgentRole) async throws -> Duration {
    let start = ContinuousClock.now
    let probe = try await agent(role)
    _ = try await probe.started()
    let time = start.duration(to: .now)
    try await probe.remove()
    return time
  }

  private func doesNotRun(_ probe: ProbePod, _ watch: Duration) async throws -> AttackOutcome {
    let deadline = ContinuousClock.now + watch
    while ContinuousClock.now < deadline {
      if try await probe.find()?["status", "phase"]?.string == "Running" { return .succeeded("a new agent runs") }
      try await Task.sleep(for: .milliseconds(500))
    }
    return .prevented("a new agent does not run within \(watch)")
  }

  /// From where no policy holds: the listener, which everybody reaches, and an agent.
  private func knock(_ stage: Stage, _ enforcer: String) async throws -> (AttackOutcome, AttackOutcome) {
    var plan = ProbePlan(nonce: UUID().uuidString, canary: UUID().uuidString)
    plan.knocks = [
      ProbePlan.Knock("listener.tcp", .tcp, stage.targets.listener, ProbePods.port),
      ProbePlan.Knock("victim.tcp", .tcp, stage.targets.victim, ProbePods.port),
    ]
    let probe = try await site.make(
      try ProbePods(site: site).bare("knocks-\(enforcer)", plan, isSandboxed: false), plan)
    _ = try await probe.started()
    let record = try await probe.record()
    return (FlowChecks.outcome("listener.tcp", record), FlowChecks.outcome("victim.tcp", record))
  }

  private func agentsRunOn(_ stage: Stage) async throws -> AttackOutcome {
    for actor in [stage.victim, stage.attacker] {
      do {
        let now = try await site.client.get(.pods, actor.pod.name, namespace: actor.pod.namespace)
        let restarts = now["status", "containerStatuses"]?.array?.first?["restartCount"]?.int ?? 0
        guard now.uid == actor.pod.uid, now["status", "phase"]?.string == "Running", restarts == 0 else {
          return .succeeded("agent \(actor.pod.name) did not run on")
        }
      } catch let fault as Fault where fault.code == .notFound {
        return .succeeded("agent \(actor.pod.name) is gone")
      }
    }
    return .prevented("2 agents ran on, in the same Pods")
  }
}
