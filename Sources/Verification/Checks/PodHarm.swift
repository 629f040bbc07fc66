import Foundation

/// A change of a Pod that a policy is against.
package struct PodHarm: Sendable {
  package var name: String
  /// A JSON pointer (RFC 6901).
  package var path: String
  /// JSON; `nil` takes away what is there.
  package var value: String?
  /// Whether a warning is enough.
  package var isTold = false

  private init(_ name: String, _ path: String, _ value: String?) {
    (self.name, self.path, self.value) = (name, path, value)
  }

  /// What ADM-1 to ADM-5 promise, each with what has to be refused.
  package struct Promise: Sendable {
    package var check: String
    package var title: String
    /// The name of the constraint that holds it (policy/gatekeeper/constraints).
    package var constraint: String
    package var harms: [PodHarm]
  }

  package static let promises = [
    Promise(
      check: "ADM-1", title: "Pods without the labels that tell what they are, and of whom, are denied",
      constraint: "required-labels",
      harms: [
        PodHarm("no app.kubernetes.io/name", "/metadata/labels/app.kubernetes.io~1name", nil),
        PodHarm("no app.kubernetes.io/part-of", "/metadata/labels/app.kubernetes.io~1part-of", nil),
      ]),
    Promise(
      check: "ADM-2", title: "privileged containers are denied",
      constraint: "no-privileged-containers",
      harms: [
        PodHarm("a privileged container", "/spec/containers/0/securityContext/privileged", "true"),
        PodHarm("a privileged init container", "/spec/initContainers", otherContainer(#""privileged": true"#)),
        PodHarm("a privileged debug container", "/spec/ephemeralContainers", otherContainer(#""privileged": true"#)),
      ]),
    Promise(
      check: "ADM-3", title: "containers without limits of CPU and memory are denied",
      constraint: "required-resources",
      harms: [
        PodHarm("no CPU limit", "/spec/containers/0/resources/limits/cpu", nil),
        PodHarm("no memory limit", "/spec/containers/0/resources/limits/memory", nil),
        PodHarm("no resources at all", "/spec/containers/0/resources", nil),
      ]),
    Promise(
      check: "ADM-4", title: "containers that may run as root are denied",
      constraint: "run-as-non-root",
      harms: [
        PodHarm("runAsNonRoot false in the container", "/spec/containers/0/securityContext/runAsNonRoot", "false"),
        PodHarm("user 0", "/spec/containers/0/securityContext/runAsUser", "0"),
        PodHarm("neither user nor runAsNonRoot", "/spec/securityContext", "{}"),
      ]),
    Promise(
      check: "ADM-5", title: "images with the tag latest, or with none, are told of",
      constraint: "no-latest-tag",
      harms: [
        PodHarm("the tag latest", "/spec/containers/0/image", #""registry.example:5000/agent:latest""#),
        PodHarm("no tag", "/spec/containers/0/image", #""registry.example:5000/agent""#),
      ].map { harm in
        var harm = harm
        harm.isTold = true
        return harm
      }),
  ]

  private static func otherContainer(_ setting: String) -> String {
    #"[{"name": "other", "image": "agent:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "#
      + #""securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "#
      + #""capabilities": {"drop": ["ALL"]}, \#(setting)}}]"#
  }

  /// The Pod, JSON, with the change.
  ///
  /// - Throws: what Foundation throws for a Pod that is no JSON.
  package func done(to pod: String) throws -> String {
    let document = try JSONSerialization.jsonObject(with: Data(pod.utf8))
    let value = try value.map { try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed) }
    let path = path.split(separator: "/").map { String($0).replacing("~1", with: "/") }
    let changed = Self.put(value, at: path[...], in: document)
    return String(decoding: try JSONSerialization.data(withJSONObject: changed), as: UTF8.self)
  }

  private static func put(_ value: Any?, at path: ArraySlice<String>, in document: Any) -> Any {
    guard let first = path.first else { return value ?? document }
    if var items = document as? [Any], let index = Int(first), items.indices.contains(index) {
      items[index] = put(value, at: path.dropFirst(), in: items[index])
      return items
    }
    var object = document as? [String: Any] ?? [:]
    object[first] = path.count == 1 ? value : put(value, at: path.dropFirst(), in: object[first] ?? [:])
    return object
  }
}
