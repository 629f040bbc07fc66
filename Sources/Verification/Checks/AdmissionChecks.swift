import APIClient
import APIModel
import AgentModel
import Faults
import Foundation
import Turns

/// ADM: what the organisation's policies forbid is not created.
struct AdmissionChecks: Sendable {
  let fixtures: Fixtures

  var all: [Check] {
    func check(_ id: String, _ title: String, _ harms: [Harm]) -> Check {
      Check(id, layer: "admission", title: title) { try await review(harms) }
    }
    return [
      check(
        "ADM-1", "Pods without the labels that tell what they are, and of whom, are denied",
        [
          Harm("no app.kubernetes.io/name", "/metadata/labels/app.kubernetes.io~1name", nil),
          Harm("no app.kubernetes.io/part-of", "/metadata/labels/app.kubernetes.io~1part-of", nil),
        ]),
      check(
        "ADM-2", "privileged containers are denied",
        [
          Harm("a privileged container", "/spec/containers/0/securityContext/privileged", "true"),
          Harm("a privileged init container", "/spec/initContainers", Self.otherContainer(#""privileged": true"#)),
          Harm(
            "a privileged debug container", "/spec/ephemeralContainers", Self.otherContainer(#""privileged": true"#)),
        ]),
      check(
        "ADM-3", "containers without limits of CPU and memory are denied",
        [
          Harm("no CPU limit", "/spec/containers/0/resources/limits/cpu", nil),
          Harm("no memory limit", "/spec/containers/0/resources/limits/memory", nil),
          Harm("no resources at all", "/spec/containers/0/resources", nil),
        ]),
      check(
        "ADM-4", "containers that may run as root are denied",
        [
          Harm("runAsNonRoot false in the container", "/spec/containers/0/securityContext/runAsNonRoot", "false"),
          Harm("user 0", "/spec/containers/0/securityContext/runAsUser", "0"),
          Harm("neither user nor runAsNonRoot", "/spec/securityContext", "{}"),
        ]),
      check(
        "ADM-5", "images with the tag latest, or with none, are told of",
        [
          Harm("the tag latest", "/spec/containers/0/image", #""registry.example:5000/agent:latest""#),
          Harm("no tag", "/spec/containers/0/image", #""registry.example:5000/agent""#),
        ].map { $0.told }),
      Check(
        "ADM-6", layer: "admission", title: "nothing is created while the policies are broken, missing or too slow",
        deadline: .seconds(55), body: broken),
    ]
  }

  // MARK: ADM-1 to ADM-5

  /// A change of a Pod that a policy is against.
  private struct Harm: Sendable {
    var name: String
    /// A JSON pointer (RFC 6901).
    var path: String
    /// JSON; `nil` takes away what is there.
    var value: String?
    /// Whether a warning is enough.
    var isTold = false

    init(_ name: String, _ path: String, _ value: String?) { (self.name, self.path, self.value) = (name, path, value) }

    var told: Harm {
      var other = self
      other.isTold = true
      return other
    }
  }

  private static func otherContainer(_ setting: String) -> String {
    #"[{"name": "other", "image": "agent:1", "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "#
      + #""securityContext": {"runAsNonRoot": true, "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "#
      + #""capabilities": {"drop": ["ALL"]}, \#(setting)}}]"#
  }

  /// A Pod as the platform makes it.
  private static let pod = """
    {"apiVersion": "v1", "kind": "Pod",
     "metadata": {"name": "probe", "namespace": "lobstack-verify", "labels": {
       "app.kubernetes.io/name": "probe", "app.kubernetes.io/part-of": "lobstack", "lobstack.dev/agent": "true",
       "lobstack.dev/tenant": "lobstack-verify"}},
     "spec": {
       "runtimeClassName": "gvisor", "automountServiceAccountToken": false, "enableServiceLinks": false,
       "securityContext": {"runAsNonRoot": true, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
         "seccompProfile": {"type": "Localhost", "localhostProfile": "agent.json"}},
       "containers": [{"name": "agent", "image": "registry.example:5000/agent:1.0",
         "resources": {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
         "securityContext": {"allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
           "capabilities": {"drop": ["ALL"]}}}]}}
    """

  private func review(_ harms: [Harm]) async throws -> Finding {
    let client = try await fixtures.agents.value.client
    // The same door lets the same Pod through when nothing is wrong with it.
    let whole = try await client.review(Self.pod)
    let control: AttackOutcome =
      whole.allowed && !whole.violations.contains { $0.action != "dryrun" }
      ? .succeeded("the Pod without it is allowed")
      : .prevented("a Pod with nothing wrong is refused: \(Self.text(whole))")
    var trials: [Trial] = []
    for harm in harms {
      let answer = try await client.review(try Self.changed(harm))
      let told = answer.violations.first { harm.isTold ? $0.action != "dryrun" : $0.action == "deny" }
      let outcome: AttackOutcome =
        if let told, answer.failures.isEmpty, harm.isTold || !answer.allowed {
          .prevented("\(told.action): [\(told.constraint)] \(told.message)")
        } else {
          .succeeded("it is \(answer.allowed ? "allowed" : "refused for another reason"): \(Self.text(answer))")
        }
      trials.append(Trial("a Pod with \(harm.name)", withoutControl: control, withControl: outcome))
    }
    return Finding(trials)
  }

  private static func text(_ answer: AdmissionReviewResource) -> String {
    let words = answer.violations.map { "\($0.action) [\($0.constraint)] \($0.message)" } + answer.failures
    return words.isEmpty ? "no policy says anything" : words.joined(separator: "; ")
  }

  private static func changed(_ harm: Harm) throws -> String {
    let pod = try JSONSerialization.jsonObject(with: Data(Self.pod.utf8))
    let value = try harm.value.map {
      try JSONSerialization.jsonObject(with: Data($0.utf8), options: .fragmentsAllowed)
    }
    let path = harm.path.split(separator: "/").map { String($0).replacing("~1", with: "/") }
    let changed = put(value, at: path[...], in: pod)
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

  // MARK: ADM-6

  private func broken() async throws -> Finding {
    let platform = try await fixtures.harmed.value
    return try await platform.turn.take { try await breakEach(platform) }
  }

  private func breakEach(_ platform: HarmedPlatform) async throws -> Finding {
    let directory = "\(platform.layout.policyDirectory)/gatekeeper"
    let extra = "\(directory)/templates/verify.yaml"
    let aside = "\(directory)-aside"
    defer {
      // Either is there only while a harm is done.
      try? FileManager.default.removeItem(atPath: extra)
      try? FileManager.default.moveItem(atPath: aside, toPath: directory)
    }
    let control = try await attempt(platform, "w")
    var trials: [Trial] = []
    func trial(_ name: String, _ suffix: String, harm: () throws -> Void, mend: () throws -> Void) async throws {
      try harm()
      let outcome = try await attempt(platform, suffix)
      try mend()
      trials.append(Trial(name, withoutControl: control, withControl: outcome))
    }
    for (name, suffix, text) in [
      ("create an agent while a policy is no YAML", "x", "a: ["),
      ("create an agent while a policy is broken Rego", "y", Self.template("violation[{\"msg\": x}] { not y }")),
      (
        "create an agent while a policy never ends", "z",
        Self.template("violation[{\"msg\": \"x\"}] { n := numbers.range(1, 5000); n[a] + n[b] + n[c] < 0 }")
      ),
    ] {
      try await trial(name, suffix) {
        try text.write(toFile: extra, atomically: true, encoding: .utf8)
      } mend: {
        try FileManager.default.removeItem(atPath: extra)
      }
    }
    try await trial("create an agent while the policies are gone", "g") {
      try FileManager.default.moveItem(atPath: directory, toPath: aside)
    } mend: {
      try FileManager.default.moveItem(atPath: aside, toPath: directory)
    }
    let after = try await attempt(platform, "v")
    var finding = Finding(trials)
    if case .succeeded = after {
      finding.evidence.append("with the policies whole again an agent is created")
    } else {
      finding = Finding(.failed, evidence: ["with the policies whole again: \(after.evidence)"])
    }
    return finding
  }

  /// Creates an agent and takes it away again.
  private func attempt(_ platform: HarmedPlatform, _ suffix: String) async throws -> AttackOutcome {
    let agents = platform.agents
    let id = try agents.name(suffix)
    do {
      _ = try await agents.client.createAgent(
        document: try agents.document(id, image: platform.image, canary: randomText()))
    } catch let fault as Fault where fault.reason.contains("policies are broken") || fault.reason.contains("a policy") {
      let found = try? await agents.client.agent(id)
      return found == nil ? .prevented(fault.reason) : .succeeded("refused, and there all the same: \(fault.reason)")
    } catch let fault as Fault {
      return .unknown(fault.reason)
    }
    _ = try await agents.client.deleteAgent(id)
    return .succeeded("the agent is created")
  }

  private static func template(_ rule: String) -> String {
    """
    apiVersion: templates.gatekeeper.sh/v1
    kind: ConstraintTemplate
    metadata: {name: verify}
    spec:
      crd: {spec: {names: {kind: Verify}}}
      targets:
        - target: admission.k8s.gatekeeper.sh
          rego: |
            package verify
            \(rule)
    ---
    apiVersion: constraints.gatekeeper.sh/v1beta1
    kind: Verify
    metadata: {name: verify}
    """
  }
}
