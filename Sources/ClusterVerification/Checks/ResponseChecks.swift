import AgentModel
import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// DET-9: what follows an alert. `freeze` is not among it: on a cluster it is `quarantine`.
struct ResponseChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>

  /// From an agent's start to the end of what follows.
  private static let patience = Duration.seconds(60)
  /// Seconds in which a network has to close what was open.
  private static let closing = 20

  var all: [Check] {
    [
      Check(
        "DET-9", layer: "detection", title: "the response to an attack follows: kill, quarantine",
        deadline: ClusterVerify.stageDeadline * 2, isLong: true, body: check)
    ]
  }

  private func check() async throws -> Finding {
    try await SentinelLog(site: site).requireSentinel()
    let control = try await stage.value.attacker
    async let killed = killed(control)
    async let quarantined = quarantined(control)
    let (first, second) = try await (killed, quarantined)
    var finding = Finding([first.trial, second.trial])
    finding.responded = finding.verdict == .proven
    finding.evidence += [first, second].map { "\($0.name): \($0.latency)" }
    return finding
  }

  private struct Outcome {
    var name: String
    var trial: Trial
    var latency: String
  }

  private func attacker(_ role: AgentRole, _ response: AgentResponse) async throws -> ProbePod {
    var plan = ProbePlan(nonce: UUID().uuidString, canary: UUID().uuidString)
    plan.deeds = [.open("/etc/shadow")]
    if response == .quarantine {
      plan.late = AttackTargets.lateKnocks(names: site.values.network.nameServer)
      plan.lateTime = Self.closing
    }
    return try await site.make(
      ProbePods(site: site).agent(site.agentName(role), plan, response: response), plan)
  }

  // MARK: Kill

  private func killed(_ control: Stage.Actor) async throws -> Outcome {
    let probe = try await attacker(.killed, .kill)
    let deadline = ContinuousClock.now + ProbePod.startLimit + Self.patience
    var node: String?
    var phase = ""
    while ContinuousClock.now < deadline {
      let pod = try await probe.find()
      node = pod?["spec", "nodeName"]?.string ?? node
      phase = pod?["status", "phase"]?.string ?? "gone"
      if pod == nil, try await containment(probe) == "Killed" { break }
      try await Task.sleep(for: .milliseconds(200))
    }
    guard let node else { throw NotTestable("the probe \(probe.name) does not run: \(try await probe.obstacle(nil))") }
    let latency = try await latency(of: probe.name, on: node)
    let (pod, containment) = (try await probe.find(), try await containment(probe))
    try await probe.remove()
    return Outcome(
      name: "kill",
      trial: Trial(
        "attack and run on, response kill", withoutControl: try await runsOn(control),
        withControl: pod == nil && containment == "Killed"
          ? .prevented("its Pod is gone, and no other takes its place")
          : .succeeded("its Pod is \(phase), the Agent's containment '\(containment)'")),
      latency: latency)
  }

  private func runsOn(_ control: Stage.Actor) async throws -> AttackOutcome {
    do {
      let now = try await site.client.get(.pods, control.pod.name, namespace: control.pod.namespace)
      return now.uid == control.pod.uid && now["status", "phase"]?.string == "Running"
        ? .succeeded("an agent whose alerts are only told runs on")
        : .unknown("the agent that is only told of runs no more")
    } catch let fault as Fault where fault.code == .notFound {
      return .unknown("the agent that is only told of is gone")
    }
  }

  // MARK: Quarantine

  private func quarantined(_ control: Stage.Actor) async throws -> Outcome {
    let probe = try await attacker(.quarantined, .quarantine)
    let pod = try await probe.started()
    let record = try await probe.record()
    let outcome = try await isCut(probe, pod, record)
    let latency = try await latency(of: probe.name, on: pod["spec", "nodeName"]?.string ?? "")
    try await probe.remove()
    return Outcome(
      name: "quarantine",
      trial: Trial(
        "attack and use the network, response quarantine",
        withoutControl: FlowChecks.outcome("late.udp", control.record), withControl: outcome),
      latency: latency)
  }

  private func isCut(_ probe: ProbePod, _ pod: KubernetesObject, _ record: ProbeRecord) async throws -> AttackOutcome {
    guard let udp = record["late.udp"], let tcp = record["late.tcp"] else { return .unknown("the probe did not try") }
    guard !udp.isDone, !tcp.isDone else { return .succeeded("its name server answers it \(Self.closing) s later") }
    let now = try await probe.find()
    let isRunning = now?.uid == pod.uid && now?["status", "phase"]?.string == "Running"
    let containment = try await containment(probe)
    return containment == "Quarantined" && isRunning
      ? .prevented("its name server, by UDP and TCP: \(udp.text), \(tcp.text); it runs on")
      : .succeeded("it runs on: \(isRunning); the Agent's containment is '\(containment)'")
  }

  // MARK: What is said

  /// The reason of the Agent's condition `Contained`.
  private func containment(_ probe: ProbePod) async throws -> String {
    let agent = try await site.client.get(.agents, probe.name, namespace: probe.namespace)
    let condition = agent["status", "conditions"]?.array?.first { $0["type"]?.string == "Contained" }
    return condition?["status"]?.string == "True" ? condition?["reason"]?.string ?? "" : ""
  }

  private func latency(of pod: String, on node: String) async throws -> String {
    let log = SentinelLog(site: site)
    let found = try await log.first(on: node, since: DetectionChecks.before, within: .seconds(10)) {
      SentinelLog.isOf(pod, $0) && $0["output_fields"]?["lobstack.response_state"]?.string == "done"
    }
    guard let alert = found.alert else { return "the sentinel of \(node) does not say that it is done" }
    let time = alert["output_fields"]?["lobstack.response_ms"]?.int
    return "done \(time.map { "\($0) ms" } ?? "some time") after the event '\(oneLine(alert["rule"]?.string ?? ""))'"
  }
}
