import FoundationEssentials
import JSONValues

/// Something that happened to an object, told beside it (`events.k8s.io/v1` Event).
package struct ObjectEvent: Sendable {
  package static let type = ResourceType(group: "events.k8s.io", version: "v1", plural: "events")

  package var object: KubernetesObject

  /// - Parameters:
  ///   - regarding: what it happened to, in whose namespace the Event is.
  ///   - controller: who tells, `lobstack.dev/operator`, and `instance`: which of them.
  ///   - action: what was done, `reason`: why, both in a word; `note`: for people, cut after 1,000 characters.
  package init(
    regarding: KubernetesObject, controller: String, instance: String, action: String, reason: String, note: String,
    isWarning: Bool, at time: Date = .now
  ) {
    object = KubernetesObject(fields: [
      "apiVersion": "events.k8s.io/v1", "kind": "Event",
      "metadata": [
        "name": .string("\(regarding.name.prefix(200)).\(String(UInt64.random(in: .min ... .max), radix: 16))"),
        "namespace": .string(regarding.namespace ?? ""),
      ],
      "eventTime": .string(MicroTime.text(time)), "reportingController": .string(controller),
      "reportingInstance": .string(String(instance.prefix(128))), "action": .string(action),
      "reason": .string(String(reason.prefix(128))),
      "regarding": [
        "apiVersion": .string(regarding.apiVersion), "kind": .string(regarding.kind), "name": .string(regarding.name),
        "namespace": .string(regarding.namespace ?? ""), "uid": .string(regarding.uid ?? ""),
      ], "note": .string(String(note.prefix(1000))), "type": isWarning ? "Warning" : "Normal",
    ])
  }
}
