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
      rule: "Shell spawned in agent container",
      deed: .run(name: "bash", arguments: ["version"])),
    Attack(
      id: "DET-2", title: "an attempt to gain privileges raises its alert", rule: "Privilege change attempt",
      deed: .run(name: "su", arguments: ["version"])),
    Attack(
      id: "DET-3", title: "a miner raises its alert", rule: "Crypto miner",
      deed: .run(name: "xmrig", arguments: ["version"])),
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
    let selector = Selection(labels: "app.kubernetes.io/name=sentinel")
    // An agent may be called so, too.
    let home = site.values.namespaces.sentinel
    let sentinels = try await site.client.list(.daemonSets, namespace: home, selector).objects
    guard sentinels.contains(where: { ($0["status", "numberReady"]?.int ?? 0) > 0 }) else {
      throw NotTestable("no sentinel watches the nodes: there is no DaemonSet of it that is ready")
    }
    let attacker = try await stage.value.attacker
    let started = ContinuousClock.now
    let deadline = started + Self.patience
    var isCut = false
    while true {
      let watchers = try await site.client.list(.pods, namespace: home, selector).objects.filter {
        $0["spec", "nodeName"]?.string == attacker.node
      }
      for watcher in watchers {
        // Of the time in which the attacker was there: what is too much is missing at the end.
        let log = try await site.client.log(
          of: watcher.name, namespace: home, last: started.duration(to: .now) + Self.before, limit: Self.longestLog)
        isCut = isCut || log.count >= Self.longestLog
        if let output = Self.alert(in: log, of: attacker.pod.name, rule: attack.rule) {
          return Finding(.proven, evidence: ["Pod \(watcher.name) of the sentinel: \(oneLine(output))"])
        }
      }
      guard ContinuousClock.now < deadline else {
        if isCut { throw NotTestable("the sentinel of \(attacker.node) writes too much for its log to be read") }
        return Finding(
          .failed, evidence: ["the sentinel of \(attacker.node) tells of no '\(attack.rule)' within \(Self.patience)"])
      }
      try await Task.sleep(for: .seconds(1))
    }
  }

  /// How long the attacks may have been made before.
  private static let before = ProbePod.startLimit + ProbePod.planLimit * 2

  /// Of the sentinel; other agents make it long.
  private static let longestLog = 4 << 20

  /// The output of an alert, a line of Falco's JSON, that a rule raised for a Pod.
  static func alert(in log: [UInt8], of pod: String, rule: String) -> String? {
    for line in log.split(separator: UInt8(ascii: "\n")) {
      guard let alert = try? JSON(Array(line)), alert["rule"]?.string == rule,
        alert["output_fields"]?["k8s.pod.name"]?.string == pod
      else { continue }
      return alert["output"]?.string ?? ""
    }
    return nil
  }
}
