import JSONValues
import KubernetesAPI
import Verification

/// NET: what the cluster's network keeps from whom. Each attack is made by an agent, and by a Pod that no policy is about:
/// where that one reaches nothing either, nothing is shown.
struct FlowChecks: Sendable {
  let stage: Shared<Stage>

  var all: [Check] {
    func check(
      _ id: String, _ title: String, _ body: @escaping @Sendable (Stage) throws -> Finding
    ) -> Check {
      Check(id, layer: "network", title: title, deadline: ClusterVerify.stageDeadline, isLong: true) {
        try body(try await stage.value)
      }
    }
    return [
      check("NET-1", "nothing reaches an agent but its gateway") { Self.arrivals($0) },
      check("NET-2", "no agent reaches another") { Self.peers($0) },
      check("NET-3", "an agent reaches allowed hosts, and no other host or port") { Self.hosts($0) },
      check("NET-4", "addresses of the cluster, its nodes and its cloud are closed") { Self.closedAddresses($0) },
      check("NET-5", "an agent's DNS answers allowed names only, and no other DNS answers") { try Self.names($0) },
      check("NET-6", "IPv6, UDP and ICMP are as closed as TCP") { Self.otherProtocols($0) },
    ]
  }

  // MARK: Judgement

  /// What a knock came to.
  static func outcome(_ id: String, _ record: ProbeRecord) -> AttackOutcome {
    guard let line = record[id] else { return .unknown("the probe did not try") }
    return line.isDone ? .succeeded(line.text) : .prevented(line.text)
  }

  /// - Parameters:
  ///   - trials: with, for each, whether it counts when it shows nothing.
  ///   - more: what else there is to tell.
  static func finding(_ trials: [(trial: Trial, isNeeded: Bool)], _ more: [String] = []) -> Finding {
    let counted = trials.filter { $0.isNeeded || $0.trial.verdict != .notTestable }.map(\.trial)
    let left = trials.filter { !$0.isNeeded && $0.trial.verdict == .notTestable }.map(\.trial)
    var finding = Finding(counted)
    finding.evidence += left.map {
      "\($0.attack): left out, it does not work without the control either (\($0.withoutControl.evidence))"
    }
    finding.evidence += more
    return finding
  }

  private static func trial(
    _ attack: String, _ id: String, _ stage: Stage, isNeeded: Bool = true
  ) -> (trial: Trial, isNeeded: Bool) {
    (
      Trial(
        attack, withoutControl: outcome(id, stage.control.record), withControl: outcome(id, stage.attacker.record)),
      isNeeded
    )
  }

  private static func arrivals(_ stage: Stage) -> Finding {
    let record = stage.control.record
    guard let own = stage.victim.record["self"], own.isDone else {
      return Finding(.notTestable, evidence: ["the agent under attack does not listen"])
    }
    let trials = ["tcp", "udp"].map { transport in
      (
        trial: Trial(
          "reach an agent over \(transport.uppercased()) from a Pod of another namespace",
          withoutControl: outcome("listener.\(transport)", record),
          withControl: outcome("victim.\(transport)", record)), isNeeded: true
      )
    }
    return finding(trials, ["the agent listens: its own program reaches it (\(own.text))"])
  }

  private static func peers(_ stage: Stage) -> Finding {
    guard stage.victim.record["self"]?.isDone == true else {
      return Finding(.notTestable, evidence: ["the agent under attack does not listen"])
    }
    let trials = ["tcp", "udp"].map { transport in
      (
        trial: Trial(
          "reach another agent of the same tenant over \(transport.uppercased())",
          withoutControl: outcome("listener.\(transport)", stage.control.record),
          withControl: outcome("victim.\(transport)", stage.attacker.record)), isNeeded: true
      )
    }
    return finding(trials)
  }

  private static func hosts(_ stage: Stage) -> Finding {
    let attacker = stage.attacker.record
    func handshake(_ id: String) -> AttackOutcome {
      guard let line = attacker[id] else { return .unknown("the probe did not try") }
      // A record of type "handshake" is the other side's ServerHello (RFC 8446 §5.1).
      return line.isDone && line.answer?.first == 22 ? .succeeded("a ServerHello came back") : .prevented(line.text)
    }
    return finding([
      trial("connect to \(stage.targets.outside):443 past the gateway", "outside.443", stage),
      trial("connect to \(stage.targets.outside):80", "outside.80", stage, isNeeded: false),
      (
        trial: Trial(
          "reach \(AttackTargets.otherHost) through the gateway of an agent that may reach \(AttackTargets.allowedHost)",
          withoutControl: handshake("gateway.allowed"), withControl: handshake("gateway.other")), isNeeded: true
      ),
    ])
  }

  private static func closedAddresses(_ stage: Stage) -> Finding {
    // A network may let Pods reach their own node alone.
    let own = stage.attacker.pod["status", "hostIP"]?.string ?? ""
    guard stage.targets.nodes.contains(own) else {
      return Finding(.notTestable, evidence: ["the attacker's own node '\(own)' was not knocked at"])
    }
    return finding(
      [
        trial("reach a Pod's address (RFC 1918)", "listener.tcp", stage),
        trial("reach the API server's Service", "api", stage),
        trial("reach the cloud's metadata (\(AttackTargets.metadata))", "metadata", stage, isNeeded: false),
      ]
        + stage.targets.nodes.map {
          // An address of another family may be out of the control's reach.
          trial("reach the kubelet of node \($0)", "node.\($0)", stage, isNeeded: $0 == own)
        })
  }

  private static func names(_ stage: Stage) throws -> Finding {
    guard stage.targets.clusterNames != nil else {
      throw NotTestable("the cluster has no Service kube-system/kube-dns to compare with")
    }
    let query = NameQuery(name: AttackTargets.clusterName, id: 0x4c42).bytes
    func told(_ id: String, _ record: ProbeRecord) -> AttackOutcome {
      guard let line = record[id] else { return .unknown("the probe did not try") }
      guard let answer = line.answer, let parsed = NameAnswer([UInt8](answer), to: query) else {
        return .unknown("no answer: \(line.text)")
      }
      return parsed.records > 0
        ? .succeeded("\(parsed.records) records") : .prevented("answered with code \(parsed.code), no record")
    }
    let closed = finding([
      trial("ask the cluster's name server over UDP", "names.cluster.udp", stage),
      trial("ask the cluster's name server over TCP", "names.cluster.tcp", stage),
      trial("ask a name server outside", "outside.dns", stage, isNeeded: false),
    ])
    let name = Trial(
      "have the agents' name server tell \(AttackTargets.clusterName)",
      withoutControl: told("names.cluster.udp", stage.control.record),
      withControl: told("names.other", stage.attacker.record))
    if case .unknown(let why) = name.withControl, closed.verdict != .failed {
      var finding = closed
      finding.verdict = .notTestable
      finding.prevented = nil
      finding.evidence.append("the agents' name server at \(stage.targets.agentNames) does not answer: \(why)")
      return finding
    }
    return Finding.joined(closed, Finding([name]))
  }

  private static func otherProtocols(_ stage: Stage) -> Finding {
    var trials = [
      trial("reach a Pod over UDP", "listener.udp", stage),
      trial("reach a Pod by ICMP echo", "listener.icmp", stage, isNeeded: false),
    ]
    guard stage.targets.listener6 != nil else { return finding(trials, ["Pods of the cluster have no IPv6 address"]) }
    trials.append(trial("reach a Pod over IPv6", "listener6.tcp", stage))
    trials.append(trial("reach a Pod by ICMPv6 echo", "listener6.icmp", stage, isNeeded: false))
    return finding(trials)
  }
}

extension Finding {
  /// Of two that have to hold both.
  static func joined(_ first: Finding, _ second: Finding) -> Finding {
    for verdict in [Verdict.failed, .notTestable] {
      let bad = [first, second].filter { $0.verdict == verdict }
      guard let worst = bad.first else { continue }
      var finding = worst
      finding.evidence = bad.flatMap(\.evidence)
      return finding
    }
    var finding = first
    finding.evidence += second.evidence
    return finding
  }
}
