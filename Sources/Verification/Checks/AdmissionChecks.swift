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
    PodHarm.promises.map { promise in
      Check(promise.check, layer: "admission", title: promise.title) { try await review(promise.harms) }
    } + [
      Check(
        "ADM-6", layer: "admission", title: "nothing is created while the policies are broken, missing or too slow",
        deadline: .seconds(55), body: broken)
    ]
  }

  // MARK: ADM-1 to ADM-5

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

  private func review(_ harms: [PodHarm]) async throws -> Finding {
    let client = try await fixtures.agents.value.client
    // The same door lets the same Pod through when nothing is wrong with it.
    let whole = try await client.review(Self.pod)
    let control: AttackOutcome =
      whole.allowed && !whole.violations.contains { $0.action != "dryrun" }
      ? .succeeded("the Pod without it is allowed")
      : .prevented("a Pod with nothing wrong is refused: \(Self.text(whole))")
    var trials: [Trial] = []
    for harm in harms {
      let answer = try await client.review(try harm.done(to: Self.pod))
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
