import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// REL-1: the operator that leads is ended, and a policy is taken from an agent; nothing opens for long, and agents run on.
struct ReliabilityChecks: Sendable {
  let site: ClusterSite
  let stage: Shared<Stage>

  private static let lease = "lobstack-operator"
  /// For a lease that is not given up, its life is waited for.
  private static let takeOverLimit = Duration.seconds(60)
  private static let repairLimit = Duration.seconds(30)

  var all: [Check] {
    [
      Check(
        "REL-1", layer: "reliability",
        title: "the operator is ended, and agents run on; what is taken from them comes back",
        deadline: ClusterVerify.stageDeadline, isAlone: true, isLong: true, body: check)
    ]
  }

  private func check() async throws -> Finding {
    let stage = try await stage.value
    let before = [stage.victim, stage.attacker]
    let holder = try await leader()
    // An identity is the Pod's name, and a random part (`lobstack operator --identity`).
    guard let pod = holder.split(separator: "_").first.map(String.init) else {
      throw NotTestable("no operator leads: the Lease \(Self.lease) has no holder")
    }
    do {
      let led = try await site.client.get(.pods, pod, namespace: site.values.namespaces.controlPlane)
      try await site.client.delete(
        .pods, pod, namespace: site.values.namespaces.controlPlane, Deletion(uid: led.uid))
    } catch let fault as Fault where fault.code == .notFound {
      throw NotTestable("the leader '\(holder)' is no Pod of \(site.values.namespaces.controlPlane)")
    }
    let start = ContinuousClock.now
    var evidence: [String] = []
    guard
      try await
        (eventually(Self.takeOverLimit) {
          let now = try await leader()
          return now.isEmpty || now == holder ? nil : now
        }) != nil
    else {
      return Finding(
        .failed, prevented: false, evidence: ["nobody leads \(Self.takeOverLimit) after Pod \(pod) was deleted"])
    }
    evidence.append(
      "Pod \(pod), which led, was deleted; another leads after \(start.duration(to: .now).milliseconds) ms")
    for actor in before {
      let now = try await site.client.get(.pods, actor.pod.name, namespace: actor.pod.namespace)
      let restarts = now["status", "containerStatuses"]?.array?.first?["restartCount"]?.int ?? 0
      guard now.uid == actor.pod.uid, now["status", "phase"]?.string == "Running", restarts == 0 else {
        return Finding(.failed, prevented: false, evidence: evidence + ["agent \(actor.pod.name) did not run on"])
      }
    }
    evidence.append("\(before.count) agents ran on, in the same Pods")
    return try await repaired(of: stage.victim.pod.name, evidence)
  }

  private func repaired(of agent: String, _ evidence: [String]) async throws -> Finding {
    let selector = Selection(labels: "\(AgentLabel.name)=\(agent)")
    let policies = try await site.client.list(.networkPolicies, namespace: site.namespace, selector).objects
    guard let policy = policies.first else {
      return Finding(.failed, prevented: false, evidence: evidence + ["agent \(agent) has no NetworkPolicy"])
    }
    try await site.client.delete(.networkPolicies, policy.name, namespace: site.namespace, Deletion(uid: policy.uid))
    let start = ContinuousClock.now
    let back: Bool? = try await eventually(Self.repairLimit) {
      do {
        let now = try await site.client.get(.networkPolicies, policy.name, namespace: site.namespace)
        return now.uid != policy.uid && now["spec"] == policy["spec"] ? true : nil
      } catch let fault as Fault where fault.code == .notFound { return nil }
    }
    guard back != nil else {
      return Finding(
        .failed, prevented: false,
        evidence: evidence + ["NetworkPolicy \(policy.name), deleted, is not back after \(Self.repairLimit)"])
    }
    return Finding(
      .proven, prevented: true, responded: true,
      evidence: evidence + [
        "NetworkPolicy \(policy.name), deleted, was back as it was after \(start.duration(to: .now).milliseconds) ms"
      ])
  }

  private func leader() async throws -> String {
    do {
      let lease = try await site.client.get(.leases, Self.lease, namespace: site.values.namespaces.controlPlane)
      return lease["spec", "holderIdentity"]?.string ?? ""
    } catch let fault as Fault where fault.code == .notFound {
      throw NotTestable("no operator leads: there is no Lease \(Self.lease)")
    }
  }

  private func eventually<Value>(_ limit: Duration, _ find: () async throws -> Value?) async throws -> Value? {
    let deadline = ContinuousClock.now + limit
    while true {
      if let value = try await find() { return value }
      guard ContinuousClock.now < deadline else { return nil }
      try await Task.sleep(for: .milliseconds(200))
    }
  }
}
