import Faults
import KubernetesAPI
import Verification

/// AUD-4: with the recorder stopped nothing is changed through the control plane; by `--break` alone.
struct RecorderOutage: Sendable {
  let site: ClusterSite
  let caller: Shared<APICaller>
  let tell: @Sendable (String) -> Void

  var all: [Check] {
    [
      Check(
        "AUD-4-RECORDER", layer: "audit",
        title: "with its recorder stopped the control plane changes nothing, and it comes back",
        deadline: .seconds(300), isAlone: true, isBreak: true, body: check)
    ]
  }

  private func check() async throws -> Finding {
    let caller = try await caller.value
    if let fault = try await caller.makeAgent(.before, as: caller.allowed) {
      throw NotTestable("the control plane makes no Agent for who may: \(oneLine(fault.reason))")
    }
    let outage = Outage(site: site, name: "recorder", type: .statefulSets)
    tell("stopping the \(outage.label) for everybody, usually for half a minute, for three minutes at most")
    let result: Result<AttackOutcome, any Error>
    do {
      try await outage.begin()
      result = .success(try await attempt(caller))
    } catch { result = .failure(error) }
    let start = ContinuousClock.now
    // Awaited in a task of its own: a cancelled one could give nothing back.
    let failures = await Task { await site.removal.restore("\(RunMark.label)=\(site.mark.id)") }.value
    guard failures.isEmpty else { return Finding(.failed, evidence: failures) }
    tell("the \(outage.label) has its Pods back")
    let outcome = try result.get()
    try await outage.recovery()
    let again = try await eventually(caller)
    var finding = Finding([
      Trial(
        "change something while nothing can be recorded",
        withoutControl: .succeeded("the same account made an Agent before"), withControl: outcome),
      Trial(
        "have it stay so", withoutControl: .succeeded("the recorder had no Pods"),
        withControl: again.map { .succeeded("nothing is changed after it, either: \($0)") }
          ?? .prevented(
            "an Agent was made \(start.duration(to: .now).milliseconds) ms after it was given its Pods back")),
    ])
    finding.audited = finding.verdict == .proven
    return finding
  }

  private func attempt(_ caller: APICaller) async throws -> AttackOutcome {
    let fault = try await caller.makeAgent(.during, as: caller.allowed)
    if try await caller.isThere(.during) { return .succeeded("the Agent was made, and no record of it") }
    guard let fault else { return .succeeded("the control plane says that it made the Agent") }
    // Who is not reached at all has refused nothing.
    return fault.code == .unavailable && fault.reason.contains("recorder")
      ? .prevented("refused: \(oneLine(fault.reason))")
      : .unknown("refused for another reason: \(oneLine(fault.reason))")
  }

  /// - Returns: what is said against it at last.
  private func eventually(_ caller: APICaller) async throws -> String? {
    let deadline = ContinuousClock.now + .seconds(60)
    while true {
      guard let fault = try await caller.makeAgent(.after, as: caller.allowed) else { return nil }
      guard ContinuousClock.now < deadline else { return oneLine(fault.reason) }
      try await Task.sleep(for: .seconds(1))
    }
  }
}
