import AgentModel
import ClusterAgents
import Faults
import Foundation
import JSONValues
import KubernetesAPI

/// Writes Agents' status, and tells of what is new in it by events.
struct StatusTelling: Sendable {
  let client: KubernetesClient
  let agents: AgentCache
  let events: EventRecorder

  /// - Parameter accepted: the document that is in force from now on; `nil` for the one that was.
  func tell(_ agent: AgentObject, _ conditions: AgentConditions, accepted: String? = nil) async throws {
    // Conditions of others are theirs.
    let before = agent.object["status"].map(AgentConditions.own)
    let status = conditions.status(now: Date.now.formatted(.iso8601), before: before, accepted: accepted)
    guard before != status else { return }
    var object = KubernetesObject(fields: [
      "apiVersion": .string(agent.object.apiVersion), "kind": .string(agent.object.kind), "status": status,
    ])
    object.name = agent.key.name
    object.namespace = agent.key.namespace
    // Only this Agent, not one of its name that came later.
    object.fields["metadata"] = .object(
      (object.fields["metadata"]?.object ?? [:]).merging(["uid": .string(agent.uid)]) { _, new in new })
    do {
      let told = try await client.apply(object, of: AgentObject.type, force: true, subresource: "status")
      agents.answer(told, since: agent)
    } catch let fault as Fault where fault.code == .notFound || fault.code == .conflict {
      return
    }
    for condition in conditions.conditions
    where condition.reason == Condition.repaired && !condition.isSaid(in: before) {
      await events.tell(agent, condition.reason, condition.message, isWarning: true)
    }
    // That Pods take their time is no event.
    let slow: Set<Condition.Kind> = [.gatewayReady, .ready]
    guard conditions.phase == .failed || conditions.conditions.contains(where: { !slow.contains($0.kind) && $0.isNo })
    else { return }
    for condition in conditions.conditions
    where condition.isNo && condition.reason != "Pending" && !condition.isSaid(in: before) {
      await events.tell(agent, condition.reason, condition.message, isWarning: true)
    }
  }
}

extension Condition {
  fileprivate var isNo: Bool { state == .no }
}
