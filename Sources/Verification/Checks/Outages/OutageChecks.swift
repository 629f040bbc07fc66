import AgentModel
import Faults
import Foundation
import Glibc
import Turns

/// REL-2: each enforcer stopped in turn, on a second platform; all of them by `--break`, each as a check of its own.
struct OutageChecks: Sendable {
  let fixtures: Fixtures
  private let site: Shared<Site>

  private struct Site: Sendable {
    var platform: HarmedPlatform
    var works: Works
    /// What is refused later has to work before.
    var newAgent: AttackOutcome
  }

  init(fixtures: Fixtures) {
    self.fixtures = fixtures
    site = Shared {
      let platform = try await fixtures.harmed.value
      guard let far = IPAddress("93.184.215.16") else { throw NotTestable("no address to try") }
      let works = Works(platform: platform, far: far, token: try await platform.agents.token("outage"))
      return Site(platform: platform, works: works, newAgent: try await works.newAgent("before"))
    }
  }

  var all: [Check] {
    [
      Check(
        "REL-2", layer: "reliability",
        title:
          "with an enforcer stopped new work is refused, agents run on, nothing opens, and it comes back by itself",
        deadline: .seconds(200), isAlone: true, isLong: true,
        body: { try await suffer(["gateway", "proxy", "sentinel", "control-plane", "vault"].map(Self.stopping)) })
    ] + Self.breaks.map(check)
      + [
        Check(
          "REL-2-FIREWALL", layer: "reliability",
          title:
            "a firewall that somebody takes away or changes is noticed, the agent stopped, and the firewall restored",
          deadline: .seconds(120), isAlone: true, isBreak: true,
          body: {
            try await FirewallOutage(site: try await site.value.platform, works: try await site.value.works).find()
          })
      ]
  }

  // MARK: What is broken

  /// One enforcer that does not do its work for a while.
  private struct Outage: Sendable {
    /// As its check's id ends, in small letters.
    var name: String
    /// What it does, in the words of the check's title.
    var title: String
    /// The work that it takes part in.
    var kind: Works.Kind
    /// Whether an agent cannot be started without it.
    var refusesAgents = true
    var begin: @Sendable (HarmedPlatform) async throws -> Void
    var end: @Sendable (HarmedPlatform) async throws -> Void
  }

  private static let breaks: [Outage] =
    ["gateway", "proxy", "sentinel", "node", "control-plane", "vault"].map(stopping) + [
      Outage(
        name: "admission", title: "its policies broken", kind: .call,
        begin: { try $0.breakPolicies() }, end: { try $0.mendPolicies() }),
      Outage(
        name: "audit", title: "its audit log not writable", kind: .exec,
        begin: { try await $0.fillAuditLog() },
        end: { platform in
          platform.emptyAuditDisk()
          try await platform.waitUntilReady()
        }),
      Outage(
        name: "supervisor", title: "its supervisor killed", kind: .call,
        begin: { try await $0.killSupervisor() }, end: { try await $0.startAgain() }),
    ]

  /// A process that is stopped where it stands, and at last ended.
  private static func stopping(_ component: String) -> Outage {
    let kind: Works.Kind =
      switch component {
      case "gateway": .page
      case "proxy": .egress
      case "sentinel": .name
      case "node": .exec
      case "vault": .secret
      default: .call
      }
    return Outage(
      name: component, title: "its \(component) stopped", kind: kind, refusesAgents: component != "gateway",
      begin: { try $0.signal(component, SIGSTOP) }, end: { try $0.signal(component, SIGKILL) })
  }

  private func check(_ outage: Outage) -> Check {
    Check(
      "REL-2-\(outage.name.uppercased())", layer: "reliability",
      title: "with \(outage.title) the platform refuses new work, its agents run on, nothing opens, and it comes back",
      deadline: .seconds(120), isAlone: true, isBreak: true,
      body: { try await suffer([outage]) })
  }

  // MARK: How it is borne

  /// A sentinel that is away for this long leaves the agents unseen for longer than the node lets them be; on a machine
  /// under load an outage may take that long.
  private static let unseen = Duration.seconds(10)

  private func suffer(_ outages: [Outage]) async throws -> Finding {
    let site = try await site.value
    return try await site.platform.turn.take {
      var trials: [Trial] = []
      var remarks: [String] = []
      for outage in outages {
        let (made, remark) = try await suffer(outage, site)
        trials += made
        remarks.append(remark)
      }
      var finding = Finding(trials)
      if finding.verdict == .proven { finding.evidence += remarks }
      return finding
    }
  }

  private func suffer(_ outage: Outage, _ site: Site) async throws -> ([Trial], String) {
    let (platform, works, name) = (site.platform, site.works, outage.name)
    try await platform.waitUntilReady()
    // Until what an outage before this one has left is over.
    _ = try await works.comeBack(outage.kind)
    let before = try await works.outcome(of: outage.kind)
    let way = try await works.egress()
    let alive = try await platform.sandbox()
    let restarts = try await works.restarts()
    let begin = ContinuousClock.now
    try await outage.begin(platform)
    let during: (work: AttackOutcome?, new: AttackOutcome, opening: AttackOutcome)
    let runsOn: Bool
    do {
      async let new = works.newAgent(name)
      // The policies are asked for agents alone.
      let work = name == "admission" ? nil : try await works.outcome(of: outage.kind)
      let opening = try await works.opening()
      during = (work, try await new, opening)
      runsOn = try await isRunning(alive, platform)
    } catch {
      let stoodStill = await (try? isRunning(alive, platform)) == false  // a run that ends here looks at nothing more
      try await outage.end(platform)
      // Whoever does not run cannot answer: that is what the outage has done.
      guard stoodStill else { throw error }
      _ = try await works.comeBack(outage.kind)
      let ended = AttackOutcome.succeeded("the agent's process \(alive.pid) did not run on: \(error)")
      return ([Trial("outlive the agents, with \(outage.title)", withoutControl: before, withControl: ended)], name)
    }
    let end = ContinuousClock.now
    try await outage.end(platform)
    let isBack = try await works.comeBack(outage.kind)
    let recovery = end.duration(to: .now).milliseconds
    // It watches again only when it is back.
    let isLong = name == "sentinel" && begin.duration(to: .now) >= Self.unseen
    let refusal = outage.refusesAgents ? try await works.whyNewAgentDoesNotRun(name) : nil
    let wasUnseen =
      isLong ? try await works.recordedEnd(restarts: restarts + 1).contains("'detection'") : false
    let lasting: AttackOutcome =
      if wasUnseen, isBack, refusal == nil {
        .prevented(
          "away for longer than agents may run unseen; the agent was stopped, told as that, and all was at work again "
            + "\(recovery) ms after the end of the outage")
      } else if !runsOn {
        .succeeded("the agent's process \(alive.pid) did not run on")
      } else if !isBack {
        .succeeded("it did not come back within 30 s")
      } else if let refusal {
        .succeeded("no agent can be started afterwards: \(refusal)")
      } else if !alive.isRunning {
        .succeeded("the agent's process \(alive.pid) ended after the outage")
      } else {
        .prevented("the agent ran on, and \(recovery) ms after the end of the outage all was at work again")
      }
    var trials = [
      Trial("get out, with \(outage.title)", withoutControl: way, withControl: during.opening),
      Trial("last longer than \(outage.title)", withoutControl: before, withControl: lasting),
    ]
    if let work = during.work {
      trials.append(Trial("use the \(name), with \(outage.title)", withoutControl: before, withControl: work))
    }
    if outage.refusesAgents {
      trials.append(
        Trial("start an agent, with \(outage.title)", withoutControl: site.newAgent, withControl: during.new))
    }
    return (trials, "\(name): \(recovery) ms until it was back")
  }

  /// Whether the agent's process is the one that it was, and its heart beats.
  private func isRunning(_ sandbox: HostProcess, _ platform: HarmedPlatform) async throws -> Bool {
    let beats = try await Heartbeat(of: platform.target).beats()
    return beats && sandbox.isRunning
  }
}
