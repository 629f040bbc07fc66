import APIModel
import AgentModel
import Foundation
import Turns

/// DET-1 to 8: attacks that are made in a sandbox, and the alerts that have to come of them.
struct DetectionChecks: Sendable {
  let fixtures: Fixtures

  /// An attack that carries its own mark, and the rule that has to see it.
  private struct Attack: Sendable {
    var name: String
    var rule: String
    var priority: AlertPriority
    /// A script, with MARK for the word that is to come back in the alert.
    var script: String

    init(_ name: String, _ script: String, raises rule: String, _ priority: AlertPriority) {
      self.name = name
      self.script = script
      self.rule = rule
      self.priority = priority
    }

    func script(marked mark: String) -> String { script.replacing("MARK", with: mark) }
  }

  private static let attacks: [(id: String, title: String, attacks: [Attack])] = [
    (
      "DET-1", "a shell that is started in a sandbox raises its alert",
      [Attack("start a shell", "sh -c ': MARK'", raises: "Shell spawned in agent container", .warning)]
    ),
    (
      "DET-2", "attempts to gain privileges raise their alert",
      [
        Attack(
          "run su", "ln -sf /bin/busybox /workspace/su; /workspace/su -c MARK root", raises: "Privilege change attempt",
          .critical)
      ]
    ),
    (
      "DET-3", "a miner and its protocol raise their alert",
      [
        Attack(
          "run a miner", "ln -sf /bin/busybox /workspace/xmrig; /workspace/xmrig --user MARK", raises: "Crypto miner",
          .critical),
        Attack(
          "speak of a mining pool", "env true -o stratum+tcp://MARK.example:3333", raises: "Crypto miner", .critical),
      ]
    ),
    (
      "DET-4", "reading secrets and vault tokens raises its alert",
      [
        Attack(
          "read a service-account token", "cat /var/run/secrets/kubernetes.io/serviceaccount/MARK",
          raises: "Secret or vault token read", .critical),
        Attack(
          "read a vault token", "cat /workspace/.vault-token MARK", raises: "Secret or vault token read", .critical),
      ]
    ),
    (
      "DET-5", "reaching for the Kubernetes API raises its alert",
      [
        Attack(
          "reach the Kubernetes API", "timeout 1 bash -c ': MARK; exec 3<>/dev/tcp/10.96.0.1/443'",
          raises: "Contact Kubernetes API", .error)
      ]
    ),
    (
      "DET-6", "opening sensitive files raises its alert",
      [
        Attack("open /etc/shadow", "cat /etc/shadow MARK", raises: "Sensitive path access", .critical),
        Attack("look into /proc/1", "cat /proc/1/environ MARK", raises: "Sensitive path access", .critical),
      ]
    ),
    (
      "DET-7", "a connection to another port than 443 raises its alert",
      [
        Attack(
          "connect to port 8081", "timeout 1 bash -c ': MARK; exec 3<>/dev/tcp/93.184.215.16/8081'",
          raises: "Outbound on non-443 port", .error)
      ]
    ),
  ]

  var all: [Check] {
    Self.attacks.map { id, title, attacks in
      Check(id, layer: "detection", title: title, deadline: .seconds(60)) {
        try await carryOut(attacks)
      }
    } + [
      Check(
        "DET-8", layer: "detection", title: "events that could not be told raise an alert themselves",
        deadline: .seconds(60), body: dropped)
    ]
  }

  /// Each where nobody looks, and as an agent's own program.
  private func carryOut(_ attacks: [Attack]) async throws -> Finding {
    let agents = try await fixtures.agents.value
    let (target, open) = (try await fixtures.watched.value, try await fixtures.open.value.target)
    return try await AlertWitness.with(agents.client, tenant: ProbeAgents.tenant) { witness in
      var trials: [Trial] = []
      var slowest: CheckReport.Detection?
      for attack in attacks {
        let mark = randomText()
        let seen: @Sendable (String, Duration) async throws -> AlertWitness.Seen? = { mark, limit in
          try await witness.first(within: limit) {
            $0.rule == attack.rule && $0.priority == attack.priority.description && $0.output.contains(mark)
          }
        }
        trials.append(
          try await Trial.run(attack.name) {
            let unseen = "\(mark)-unseen"
            _ = try await open.run(attack.script(marked: unseen))
            return try await seen(unseen, .seconds(1)) == nil
              ? .succeeded("nobody heard of it") : .prevented("an alert was raised of a sandbox that nobody watches")
          } withControl: {
            _ = try await fixtures.watchedTurn.take { try await target.runByProgram(attack.script(marked: mark)) }
            guard let found = try await seen(mark, .seconds(8)) else {
              return .succeeded("no alert of rule '\(attack.rule)' with priority \(attack.priority)")
            }
            return .prevented(
              "rule '\(attack.rule)', \(attack.priority), heard of \(found.latency) ms after the event: alert \(found.alert.id)"
            )
          })
        if let found = try await seen(mark, .zero), found.latency >= slowest?.latencyMs ?? 0 {
          slowest = CheckReport.Detection(rule: attack.rule, latencyMs: found.latency)
        }
      }
      var finding = Finding(trials)
      // What is proven is that the attack was seen, not that it came to nothing.
      finding.prevented = nil
      finding.detected = slowest
      if finding.verdict == .proven { finding.audited = try await isAudited() }
      return finding
    }
  }

  /// Whether the log has alerts that were raised about the agent.
  private func isAudited() async throws -> Bool {
    let agents = try await fixtures.agents.value
    let id = try agents.name(Fixtures.watchedName)
    return try await agents.client.recentRecord(of: id) { $0.action == "alert.raise" } != nil
  }

  // MARK: DET-8

  /// More words than a socket takes in one message: gVisor cannot tell of this program.
  private static let flood = "/bin/true $(seq 100000 150000)"

  private func dropped() async throws -> Finding {
    let agents = try await fixtures.agents.value
    let (target, open) = (try await fixtures.watched.value, try await fixtures.open.value.target)
    let id = try agents.name(Fixtures.watchedName)
    return try await AlertWitness.with(agents.client, tenant: ProbeAgents.tenant) { witness in
      let begin = Date.now
      let trial = try await Trial.run("hide a program behind a command line of 350 kB") {
        _ = try await open.run(Self.flood)
        return .succeeded("it ran, and nobody heard of it")
      } withControl: {
        _ = try await fixtures.watchedTurn.take { try await target.runByProgram(Self.flood) }
        let found = try await witness.first {
          $0.agent == id && $0.source == "internal" && $0.rule == "Trace events dropped" && $0.time >= begin
        }
        guard let found else { return .succeeded("no alert of events that were dropped") }
        return .prevented("\(found.alert.priority) alert \(found.alert.id): \(found.alert.output)")
      }
      var finding = Finding([trial])
      finding.prevented = nil
      return finding
    }
  }
}

extension AlertWitness.Seen {
  /// Milliseconds from the event to the first that was heard of it.
  var latency: Int { max(0, Int(time.timeIntervalSince(alert.time) * 1000)) }
}
