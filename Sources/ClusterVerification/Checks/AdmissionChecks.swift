import Faults
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Verification

/// ADM: what the organisation's policies forbid the API server does not take. Nothing is made: each Pod is created as a dry
/// run, which all of admission sees.
struct AdmissionChecks: Sendable {
  let site: ClusterSite

  var all: [Check] {
    PodHarm.promises.map { promise in
      Check(promise.check, layer: "admission", title: promise.title) { try await review(promise) }
    } + [
      Check(
        "ADM-2-NAMESPACES", layer: "admission", title: "Pod Security is in force in each namespace of the platform",
        body: namespaces),
      Check(
        "ADM-6", layer: "admission", title: "nothing is created while the policies cannot be asked", body: failurePolicy
      ),
    ]
  }

  /// What the API server said of a Pod.
  private enum Answer {
    case accepted(KubernetesObject)
    case refused(Fault)
  }

  private func create(_ pod: KubernetesObject, in namespace: String) async throws -> Answer {
    var pod = pod
    pod.namespace = namespace
    // Its own would be made with the agent.
    let account: JSON = namespace == site.openNamespace ? .string(ClusterSite.account) : "default"
    pod.change("spec") { $0["serviceAccountName"] = account }
    do {
      return .accepted(try await site.client.create(pod, of: .pods, WriteOptions(isDryRun: true)))
    } catch let fault as Fault where [.denied, .invalid, .exhausted].contains(fault.code) {
      return .refused(fault)
    }
  }

  // MARK: ADM-1 to ADM-5

  private func review(_ promise: PodHarm.Promise) async throws -> Finding {
    var whole = try site.agentPod()
    whole.name = "verify-\(site.mark.id)"
    if case .refused(let fault) = try await create(whole, in: site.namespace) {
      throw NotTestable("a Pod with nothing wrong is refused in \(site.namespace): \(oneLine(fault.reason))")
    }
    var trials: [Trial] = []
    // A Pod cannot be created with a debug container, whoever asks.
    for (number, harm) in promise.harms.enumerated() where harm.path != "/spec/ephemeralContainers" {
      var pod = KubernetesObject(
        fields: try JSON(Array(harm.done(to: JSON.object(whole.fields).text).utf8)).object ?? [:])
      pod.name = "\(whole.name)-\(number)"
      Self.makeValid(&pod)
      let control: AttackOutcome =
        switch try await create(pod, in: site.openNamespace) {
        case .accepted: .succeeded("it is accepted in a namespace without policies")
        case .refused(let fault): .unknown(oneLine(fault.reason))
        }
      trials.append(
        Trial(
          "a Pod with \(harm.name)", withoutControl: control,
          withControl: judge(
            harm, of: promise.constraint, try await create(pod, in: site.namespace),
            site.warnings.about(pod.name, in: site.namespace))))
    }
    return Finding(trials)
  }

  /// What the API itself refuses beside the harm goes, so that it is the harm that is judged: a privileged container that
  /// forbids what it has, a request above what a LimitRange gives for a limit.
  static func makeValid(_ pod: inout KubernetesObject) {
    pod.change("spec") { spec in
      for list in ["containers", "initContainers"] {
        guard let containers = spec[list]?.array else { continue }
        spec[list] = .array(
          containers.map { container in
            var container = container
            if container["securityContext"]?["privileged"]?.bool == true {
              container["securityContext"]?["allowPrivilegeEscalation"] = nil
            }
            for key in ["cpu", "memory"] where container["resources"]?["limits"]?[key] == nil {
              container["resources"]?["requests"]?[key] = nil
            }
            return container
          })
      }
    }
  }

  private func judge(
    _ harm: PodHarm, of constraint: String, _ answer: Answer, _ warnings: [String]
  ) -> AttackOutcome {
    switch answer {
    case .refused(let fault):
      return Self.isRefusal(fault, of: constraint) ? .prevented(oneLine(fault.reason)) : .unknown(oneLine(fault.reason))
    case .accepted(let pod):
      if harm.isTold, let warning = warnings.first(where: { $0.contains("[\(constraint)]") }) {
        return .prevented(oneLine(warning))
      }
      if harm.path.contains("/resources"), Self.hasLimits(pod) {
        return .prevented("the namespace's LimitRange gives its containers limits")
      }
      return .succeeded("it is accepted")
    }
  }

  /// Whether Pod Security, or the constraint by its name, refused; not another policy, a quota or the object's own form.
  static func isRefusal(_ fault: Fault, of constraint: String) -> Bool {
    fault.code == .denied
      && (fault.reason.contains("violates PodSecurity")
        || fault.reason.contains("denied the request") && fault.reason.contains("[\(constraint)]"))
  }

  private static func hasLimits(_ pod: KubernetesObject) -> Bool {
    let containers = pod["spec", "containers"]?.array ?? []
    return !containers.isEmpty
      && containers.allSatisfy { container in
        ["cpu", "memory"].allSatisfy { container["resources"]?["limits"]?[$0] != nil }
      }
  }

  // MARK: Pod Security

  private static let sentinelPolicy = "lobstack-sentinel-pods"

  private func namespaces() async throws -> Finding {
    let names = site.values.namespaces
    var all = [names.controlPlane, names.vault, names.sentinel]
    if site.values.profile == .full { all += [names.monitoring, names.ingress] }
    all += site.values.tenants.keys.sorted().map { site.values.namespace(of: $0) }
    var pod = try site.agentPod()
    pod.changeContainer { $0["securityContext"] = ["privileged": true] }
    let control: AttackOutcome =
      switch try await create(pod, in: site.openNamespace) {
      case .accepted: .succeeded("it is accepted in a namespace without Pod Security")
      case .refused(let fault): .unknown(oneLine(fault.reason))
      }
    var trials: [Trial] = []
    for namespace in all {
      let outcome: AttackOutcome
      do {
        switch try await create(pod, in: namespace) {
        case .accepted: outcome = .succeeded("it is accepted")
        case .refused(let fault):
          // The sentinel's has to let a Pod have a directory of its node, and a policy of its own for the rest.
          let holder = namespace == names.sentinel ? Self.sentinelPolicy : "violates PodSecurity \"restricted"
          outcome =
            fault.reason.contains(holder)
            ? .prevented(oneLine(fault.reason))
            : .unknown("refused, but not by what says '\(holder)': \(oneLine(fault.reason))")
        }
      } catch let fault as Fault where fault.code == .notFound {
        outcome = .unknown("there is no such namespace")
      }
      trials.append(Trial("a privileged Pod in \(namespace)", withoutControl: control, withControl: outcome))
    }
    return Finding(trials)
  }

  // MARK: ADM-6

  /// The engine is not stopped for this: what the API server is told to do then is read back.
  private func failurePolicy() async throws -> Finding {
    let name = site.values.profile == .full ? "gatekeeper-validating-webhook-configuration" : "lobstack-admission"
    let configuration: KubernetesObject
    do { configuration = try await site.client.get(.validatingWebhooks, name) } catch let fault as Fault
      where fault.code == .notFound
    {
      return Finding(.failed, prevented: false, evidence: ["there is no ValidatingWebhookConfiguration \(name)"])
    }
    let judges = (configuration["webhooks"]?.array ?? []).filter { webhook in
      webhook["rules"]?.array?.contains { rule in
        rule["resources"]?.array?.contains { ["pods", "*", "*/*"].contains($0.string ?? "") } == true
      } == true
    }
    let told = judges.map {
      "\($0["name"]?.string ?? "?"): failurePolicy \($0["failurePolicy"]?.string ?? "?"), after \($0["timeoutSeconds"]?.int ?? 0) s"
    }
    guard !judges.isEmpty else {
      return Finding(.failed, prevented: false, evidence: ["no webhook of \(name) is asked about Pods"])
    }
    let isClosed = judges.allSatisfy { $0["failurePolicy"]?.string == "Fail" }
    return Finding(isClosed ? .proven : .failed, prevented: isClosed, evidence: told.map { "read back: \($0)" })
  }
}
