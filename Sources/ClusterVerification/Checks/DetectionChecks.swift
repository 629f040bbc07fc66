import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// DET: what an attack in an agent raises, told by the sentinel of its node as a line of its log. Of Events, which it tells
/// too, there are few at once, and a probe makes many alerts.
struct DetectionChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>

  private struct Attack: Sendable {
    var id: String
    var title: String
    var rule: String
    /// `nil` where an attack on the network is one already.
    var deed: ProbePlan.Deed?
  }

  private static let attacks = [
    Attack(
      id: "DET-1", title: "a shell that is started in a sandbox raises its alert",
      rule: "Shell spawned in agent container", deed: .run(name: "bash")),
    Attack(
      id: "DET-2", title: "an attempt to gain privileges raises its alert", rule: "Privilege change attempt",
      deed: .run(name: "su")),
    Attack(
      id: "DET-3", title: "a miner raises its alert", rule: "Crypto miner",
      deed: .run(name: "xmrig")),
    Attack(
      id: "DET-4", title: "reading secrets and vault tokens raises its alert", rule: "Secret or vault token read",
      deed: .open("/workspace/.vault-token")),
    Attack(
      id: "DET-5", title: "a connection to the API server raises its alert", rule: "Contact Kubernetes API", deed: nil),
    Attack(
      id: "DET-6", title: "access to sensitive files raises its alert", rule: "Sensitive path access",
      deed: .open("/etc/shadow")),
    Attack(
      id: "DET-7", title: "a connection to another port than 443 raises its alert", rule: "Outbound on non-443 port",
      deed: nil),
    // gVisor cannot tell of a program whose command line is longer than a message of its socket.
    Attack(
      id: "DET-8", title: "events that could not be told raise an alert themselves", rule: "Trace events dropped",
      deed: .runLong(name: "long", kibibytes: 640)),
  ]

  static let deeds = attacks.compactMap(\.deed)

  /// After the attacks' end.
  private static let patience = Duration.seconds(20)

  var all: [Check] {
    Self.attacks.map { attack in
      Check(
        attack.id, layer: "detection", title: attack.title, deadline: ClusterVerify.stageDeadline, isLong: true
      ) { try await alerts(attack) }
    }
  }

  private func alerts(_ attack: Attack) async throws -> Finding {
    let log = SentinelLog(site: site)
    try await log.requireSentinel()
    let attacker = try await stage.value.attacker
    let (found, isCut) = try await log.first(on: attacker.node, since: Self.before, within: Self.patience) {
      $0["rule"]?.string == attack.rule && SentinelLog.isOf(attacker.pod.name, $0)
    }
    if let found {
      return Finding(.proven, evidence: ["the sentinel of \(attacker.node): \(oneLine(found["output"]?.string ?? ""))"])
    }
    if isCut { throw NotTestable("the sentinel of \(attacker.node) writes too much for its log to be read") }
    return Finding(
      .failed, evidence: ["the sentinel of \(attacker.node) tells of no '\(attack.rule)' within \(Self.patience)"])
  }

  /// How long the attacks may have been made before.
  static let before = ProbePod.startLimit + ProbePod.planLimit * 2
}
