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

  /// What is to be applied as the Agent's status.
  ///
  /// - Returns: `nil` when the same or more is in force.
  package func status(of agent: KubernetesObject, now: Date) -> KubernetesObject? {
    if let before = Containment(of: agent), before.kind == kind || before.kind == .killed { return nil }
    var object = KubernetesObject(fields: [
      "apiVersion": .string(agent.apiVersion), "kind": .string(agent.kind),
      // Only this Agent, not one of its name that came later.
      "metadata": ["uid": .string(agent.uid ?? "")],
      "status": [
        "conditions": [
          [
            "type": .string(containedCondition), "status": "True", "reason": .string(kind.rawValue),
            "message": .string(message), "observedGeneration": .int(agent.generation ?? 0),
            "lastTransitionTime": .string(now.formatted(.iso8601)),
          ]
        ]
      ],
    ])
    object.name = agent.name
    object.namespace = agent.namespace
    return object
  }

  /// The annotation of an Agent by which what was done until then is over.
  package static func release(at time: Date) -> [String: JSON] {
    [releaseAnnotation: .string(time.formatted(.iso8601))]
  }

  private static func isReleased(_ agent: KubernetesObject, since time: String?) -> Bool {
    guard let text = agent.annotations[releaseAnnotation], let released = try? Date(text, strategy: .iso8601),
      let contained = time.flatMap({ try? Date($0, strategy: .iso8601) })
    else { return false }
    return released >= contained
  }
}
