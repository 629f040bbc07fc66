import APIModel
import AgentModel
import Foundation
import Glibc

/// DET-9: what follows an alert.
struct ResponseChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    [
      Check(
        "DET-9", layer: "detection", title: "the response to an attack follows: kill, freeze, quarantine",
        deadline: .seconds(90), isAlone: true, body: responses)
    ]
  }

  /// What the attack does to the attacker's sandbox; told from outside.
  private struct Outcome: Sendable {
    var isAlive: Bool
    var isBeating: Bool
    var isOnline: Bool
  }

  private func responses() async throws -> Finding {
    let agents = try await fixtures.agents.value
    return try await AlertWitness.with(agents.client, tenant: ProbeAgents.tenant) { witness in
      // An agent whose alerts are only told shows that the attack itself does nothing to it.
      let unanswered = try await attack(.alert, witness)
      var trials: [Trial] = []
      var slowest: Int?
      for response in [AgentResponse.kill, .freeze, .quarantine] {
        let (outcome, latency) = try await attack(response, witness)
        if let latency { slowest = max(slowest ?? 0, latency) }
        trials.append(
          Trial(
            "attack and go on, response \(response)", withoutControl: goesOn(unanswered.outcome),
            withControl: judge(response, outcome, latency)))
      }
      var finding = Finding(trials)
      finding.responded = finding.verdict == .proven
      if let slowest { finding.evidence.append("slowest response: \(slowest) ms after the event") }
      return finding
    }
  }

  private func goesOn(_ outcome: Outcome) -> AttackOutcome {
    outcome.isAlive && outcome.isBeating && outcome.isOnline
      ? .succeeded("it runs on and has its network") : .prevented("it does not: \(outcome)")
  }

  private func judge(_ response: AgentResponse, _ outcome: Outcome, _ latency: Int?) -> AttackOutcome {
    guard let latency else { return .succeeded("no alert says that the response is done: \(outcome)") }
    let words = "\(latency) ms after the event"
    switch response {
    case .kill:
      return outcome.isAlive ? .succeeded("its process lives on") : .prevented("its process was gone \(words)")
    case .freeze:
      return outcome.isBeating || !outcome.isAlive
        ? .succeeded("it is not frozen: \(outcome)") : .prevented("its process stood still \(words)")
    case .quarantine:
      return outcome.isOnline || !outcome.isAlive
        ? .succeeded("it is not cut off: \(outcome)") : .prevented("it had no network \(words), and runs on")
    case .alert: return goesOn(outcome)
    }
  }

  /// - Returns: what is left of the attacker, and how long after the event the response was done, in milliseconds.
  private func attack(
    _ response: AgentResponse, _ witness: AlertWitness
  ) async throws -> (outcome: Outcome, latency: Int?) {
    let agents = try await fixtures.agents.value
    let target = try await agents.make("\(response)", image: try await fixtures.image.value, response: response)
    guard let process = try await target.process(), let before = HostProcess(process) else {
      throw NotTestable("the agent with response \(response) does not run")
    }
    let mark = randomText()
    // The program that does it may be dead before it can say that it did.
    _ = try? await target.runByProgram("cat /etc/shadow \(mark)", limit: .seconds(2))
    let found = try await witness.first { alert in
      alert.output.contains(mark) && (response == .alert || alert.responseState == .done)
    }
    let heart = Heartbeat(of: target)
    let size = heart.size
    try await Task.sleep(for: .milliseconds(600))
    var isBeating = heart.size > size
    if !isBeating, response == .alert { isBeating = try await heart.beats() }
    let outcome = Outcome(
      isAlive: before.isRunning, isBeating: isBeating, isOnline: if_nametoindex(target.network.interface) != 0)
    let latency = found?.alert.responseTime.flatMap { time in
      found.map { max(0, Int(time.timeIntervalSince($0.alert.time) * 1000)) }
    }
    return (outcome, latency)
  }
}
