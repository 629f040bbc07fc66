import AgentModel
import Documents
import Foundation
import JSONValues
import KubernetesAPI

/// What is done about an Agent because of an alert, as the condition `Contained` of its status says it: the sentinel of
/// the node writes it, and the operator holds on to it.
///
/// It is in force until the Agent's specification is another, or somebody says by an annotation that it may run again.
package struct Containment: Hashable, Sendable {
  /// The condition's reason.
  package enum Kind: String, Sendable {
    /// It does not run, and is not made to run again.
    case killed = "Killed"
    /// It runs on without network.
    case quarantined = "Quarantined"
  }

  package var kind: Kind
  package var message: String

  package init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }

  /// What a cluster does as a response, and for people why.
  ///
  /// - Parameter cause: behind what was done: `by alice`, `in response to alert …`.
  package init(_ response: AgentResponse, _ cause: String) {
    switch response {
    case .kill: self.init(.killed, "killed \(cause)")
    case .freeze:
      // The API of Kubernetes has no way to pause a Pod.
      self.init(
        .quarantined, "cut off from the network \(cause); freeze was asked for, and a cluster cannot pause a Pod")
    case .quarantine, .alert: self.init(.quarantined, "cut off from the network \(cause)")
    }
  }

  /// What is in force about an Agent.
  package init?(of agent: KubernetesObject) {
    guard let condition = Self.condition(of: agent), condition["observedGeneration"]?.int == agent.generation,
      !Self.isReleased(agent, since: condition["lastTransitionTime"]?.string)
    else { return nil }
    // A word that is not known is no reason to let it run.
    self.init(condition["reason"]?.string.flatMap(Kind.init) ?? .killed, condition["message"]?.string ?? "")
  }

  /// Whether there was one that is in force no more.
  package static func isOver(_ agent: KubernetesObject) -> Bool {
    condition(of: agent) != nil && Containment(of: agent) == nil
  }

  private static func condition(of agent: KubernetesObject) -> JSON? {
    agent["status", "conditions"]?.array?.first {
      $0["type"]?.string == containedCondition && $0["status"]?.string == "True"
    }
  }

  /// What is to be applied as the Agent's status, if the Agent is as it was seen: somebody else's word that came meanwhile
  /// may be more.
  ///
  /// - Returns: `nil` when the same or more is in force.
  package func status(of agent: KubernetesObject, now: Date) -> KubernetesObject? {
    if let before = Containment(of: agent), before.kind == kind || before.kind == .killed { return nil }
    let time = Self.time(after: agent, now: now)
    // Only this Agent, not one of its name that came later.
    var metadata: [String: JSON] = ["uid": .string(agent.uid ?? "")]
    metadata["resourceVersion"] = agent.resourceVersion.map(JSON.string)
    var object = KubernetesObject(fields: [
      "apiVersion": .string(agent.apiVersion), "kind": .string(agent.kind), "metadata": .object(metadata),
      "status": [
        "conditions": [
          [
            "type": .string(containedCondition), "status": "True", "reason": .string(kind.rawValue),
            "message": .string(message), "observedGeneration": .int(agent.generation ?? 0),
            "lastTransitionTime": .string(time),
          ]
        ]
      ],
    ])
    object.name = agent.name
    object.namespace = agent.namespace
    return object
  }

  /// The annotation of an Agent by which what is in force about it is over: by that one's own time, so that no other clock
  /// has a say, and nothing that came meanwhile is let go of with it.
  package static func release(from agent: KubernetesObject) -> [String: JSON] {
    guard let time = condition(of: agent)?["lastTransitionTime"] else { return [:] }
    return [releaseAnnotation: time]
  }

  /// Its time is its name: a release is of that one alone, and not of what comes later by another clock.
  private static func isReleased(_ agent: KubernetesObject, since time: String?) -> Bool {
    time != nil && agent.annotations[releaseAnnotation] == time
  }

  /// - Returns: a time, in seconds, that no containment before had, whatever the clocks of who told each, and that is not
  ///   let go of already.
  private static func time(after agent: KubernetesObject, now: Date) -> String {
    let before = condition(of: agent)?["lastTransitionTime"]?.string.flatMap { try? Date($0, strategy: .iso8601) }
    // The API server takes no year of five digits: what somebody wrote near its end counts for nothing.
    let next = before.flatMap { $0 < latest ? max(now, $0 + 1) : nil } ?? now
    let time = next.formatted(.iso8601)
    return agent.annotations[releaseAnnotation] == time ? (next + 1).formatted(.iso8601) : time
  }

  /// 9999-01-01T00:00:00Z.
  private static let latest = Date(timeIntervalSince1970: 253_370_764_800)
}
