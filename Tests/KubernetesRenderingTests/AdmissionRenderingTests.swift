import Documents
import Foundation
import JSONValues
import Manifests
import Testing

@testable import KubernetesRendering

@Suite("Admission on a cluster") struct AdmissionRenderingTests {
  @Test("has the policy's templates as they stand") func templates() throws {
    let rendering = try Rendering.of(.full)
    let texts = try Rendering.policy.get().texts.files(below: "gatekeeper/templates")
    #expect(texts.count > 8)
    for file in texts {
      let name = URL(filePath: file.path).lastPathComponent
      #expect(try rendering.text("admission/templates/\(name)") == file.text)
    }
  }

  @Test("has the policy's constraints, and adds only whom they are about", arguments: [true, false])
  func constraints(withNamespaces: Bool) throws {
    let platform = Platform(
      values: Values(), texts: try Rendering.policy.get().texts, rules: try Rendering.policy.get().rules)
    let rendered = try platform.constraints(withNamespaces: withNamespaces)
    let files = platform.texts.files(below: "gatekeeper/constraints")
    #expect(rendered.count == files.count)
    for (constraint, file) in zip(rendered, files) {
      let own = JSON(try Manifest.parseOne(file.text, source: file.path))
      #expect(own["kind"] == .string(constraint.kind) && own["apiVersion"] == .string(constraint.apiVersion))
      var spec = constraint.spec
      spec["match"]?["labelSelector"] = nil
      spec["match"]?["namespaceSelector"] = nil
      #expect(spec == own["spec"], "\(constraint.kind)")
      #expect((constraint.spec["match"]?["namespaceSelector"] != nil) == withNamespaces)
    }
  }

  @Test("spares gateways what they cannot do, and nothing else") func gateways() throws {
    let spared = try Rendering.of(.full).objects.filter { $0.file == "constraints/constraints.yaml" }.filter {
      $0.spec?["match"]?["labelSelector"]?["matchExpressions"]?.items.contains {
        $0["key"]?.text == "lobstack.dev/gateway-of" && $0["operator"]?.text == "DoesNotExist"
      } == true
    }
    #expect(spared.map(\.name).sorted() == ["allowed-registries", "no-service-account-token", "runtime-class"])
  }

  @Test("decides for each shipped constraint whom it is about") func reach() throws {
    // One that is not decided is about tenants, which is right for what somebody adds and an oversight for ours.
    let tenants = try Rendering.policy.get().texts.files(below: "gatekeeper/constraints")
      .map { URL(filePath: $0.path).deletingPathExtension().lastPathComponent }.filter {
        ConstraintReach($0) == .tenants
      }
    #expect(tenants == ["required-labels"])
    #expect(ConstraintReach("somebodys-own") == .tenants)
  }

  @Test("keeps what a constraint selects already") func selectors() throws {
    var texts = try Rendering.policy.get().texts
    texts.texts["gatekeeper/constraints/runtime-class.yaml"] = """
      apiVersion: constraints.gatekeeper.sh/v1beta1
      kind: LobstackRuntimeClass
      metadata: {name: runtime-class}
      spec:
        match:
          labelSelector: {matchLabels: {a: b}, matchExpressions: [{key: c, operator: Exists}]}
      """
    let platform = Platform(values: Values(), texts: texts, rules: try Rendering.policy.get().rules)
    let constraint = try platform.constraints(withNamespaces: true).first { $0.metadata.name == "runtime-class" }
    let selector = try #require(constraint?.spec["match"]?["labelSelector"])
    #expect(selector["matchLabels"] == ["a": "b"])
    #expect(
      selector["matchExpressions"]?.array == [
        ["key": "c", "operator": "Exists"], ["key": "lobstack.dev/gateway-of", "operator": "DoesNotExist"],
      ])
  }

  @Test("lets the operator alone make gateways, and few say which namespaces are ours", arguments: Rendering.profiles)
  func guards(profile: Values.Profile) throws {
    let rendering = try Rendering.of(profile)
    let policies = rendering.objects.filter { $0.kind == "ValidatingAdmissionPolicy" }
    let always = ["lobstack-gateway-pods", "lobstack-gateway-workloads", "lobstack-namespaces"]
    let sentinels = ["lobstack-sentinel-pods", "lobstack-sentinel-responses", "lobstack-sentinel-conditions"]
    let planes = ["lobstack-control-plane-programs", "lobstack-control-plane-conditions"]
    #expect(policies.map(\.name) == always + (profile == .full ? ["lobstack-certificates"] : []) + sentinels + planes)
    #expect(policies.allSatisfy { $0.spec?["failurePolicy"]?.text == "Fail" })
    let bindings = rendering.objects.filter { $0.kind == "ValidatingAdmissionPolicyBinding" }
    #expect(bindings.compactMap { $0.spec?["policyName"]?.text } == policies.map(\.name))
    #expect(try bindings.allSatisfy { try $0.spec?["validationActions"]?.strings() == ["Deny"] })
    // Those about namespaces, certificates, sentinels and the control plane hold in all of them.
    #expect(
      bindings.map { $0.spec?["matchResources"] != nil }
        == [true, true, false] + (profile == .full ? [false] : []) + [false, false, false, false, false])
    let pods = policies.first?.spec?["validations"]?.items.first?["expression"]?.text ?? ""
    #expect(pods.contains("'system:serviceaccount:lobstack-control-plane:operator'"))
  }

  /// Its chart labels it when it is installed, by an account that may administer nothing; it is exempt by its webhooks.
  @Test("lets Gatekeeper's own namespace be labelled as exempt, and no other") func ownNamespace() throws {
    let policy = try #require(try Rendering.of(.full).object("ValidatingAdmissionPolicy", "lobstack-namespaces"))
    let keys = policy.spec?["variables"]?.items.first { $0["name"]?.text == "keys" }?["expression"]?.text ?? ""
    let own = "request.name == 'gatekeeper-system' ? [] : ['admission.gatekeeper.sh/ignore']"
    #expect(keys.hasPrefix("['lobstack.dev/tenant'] + (\(own)) + "))
  }

  @Test("refuses while Gatekeeper is down, and exempts no more than it must") func gatekeeper() throws {
    let values = try Manifest.parseOne(
      try #require(try Rendering.of(.full).text("helm/gatekeeper-values.yaml")), source: "values")
    #expect(values["validatingWebhookFailurePolicy"]?.text == "Fail")
    #expect(values["validatingWebhookCheckIgnoreFailurePolicy"]?.text == "Fail")
    #expect(values["controllerManager"]?["exemptNamespaces"]?.items.isEmpty == true)
    #expect(values["replicas"]?.number == 3 && values["auditFromCache"]?.flag == true)
    let config = try #require(try Rendering.of(.full).object("Config", "config"))
    #expect(config.namespace == "gatekeeper-system")
    #expect(
      try config.spec?["match"]?.items.flatMap { try $0["excludedNamespaces"]?.strings() ?? [] } == [
        "kube-system", "gatekeeper-system",
      ])
    // What audit reads from the cache has to be in it, and the namespaces that constraints select by.
    #expect(config.spec?["sync"]?["syncOnly"]?.items.compactMap { $0["kind"]?.text } == ["Namespace", "Pod"])
  }

  @Test("without Gatekeeper, asks our webhook with the same policies and fails closed") func webhook() throws {
    let rendering = try Rendering.of(.lean)
    let webhook = try #require(
      rendering.object("ValidatingWebhookConfiguration", "lobstack-admission")?.body["webhooks"]?.items.first)
    #expect(webhook["failurePolicy"]?.text == "Fail" && webhook["sideEffects"]?.text == "None")
    #expect(
      webhook["namespaceSelector"]?["matchExpressions"]?.items.first?.texts
        == ["key": "lobstack.dev/tenant", "operator": "Exists"])
    #expect(webhook["objectSelector"] == nil)
    let templates = rendering.object("ConfigMap", "admission-templates")?.body["data"]?.texts ?? [:]
    for file in try Rendering.policy.get().texts.files(below: "gatekeeper/templates") {
      #expect(templates[URL(filePath: file.path).lastPathComponent] == file.text)
    }
    let constraints = rendering.object("ConfigMap", "admission-constraints")?.body["data"]?.texts ?? [:]
    #expect(constraints.count == templates.count)
    // The webhook does not know namespaces and would refuse everything.
    #expect(constraints.values.allSatisfy { !$0.contains("namespaceSelector") })
    // The API takes 1 MiB of data in one (core/v1 ConfigMap).
    for data in [templates, constraints] { #expect(data.values.reduce(0) { $0 + $1.utf8.count } < 1 << 20) }
  }

  @Test("gives the webhook a certificate whose authority does not change with it") func certificates() throws {
    let rendering = try Rendering.of(.lean)
    let authority = try #require(rendering.object("Certificate", "admission-ca")?.spec)
    #expect(authority["isCA"]?.flag == true && authority["duration"]?.text == "43800h")
    let serving = try #require(rendering.object("Certificate", "admission")?.spec)
    #expect(serving["issuerRef"]?["name"]?.text == "admission-ca" && serving["isCA"] == nil)
    #expect(try serving["dnsNames"]?.strings() == ["admission.lobstack-control-plane.svc"])
    let registration = try #require(rendering.object("ValidatingWebhookConfiguration", "lobstack-admission"))
    #expect(
      registration.body["metadata"]?["annotations"]?.texts["cert-manager.io/inject-ca-from"]
        == "lobstack-control-plane/admission")
    let pod = try #require(rendering.object("Deployment", "admission")?.podTemplate?["spec"])
    #expect(pod["automountServiceAccountToken"]?.flag == false)
    let secrets = (pod["volumes"]?.items ?? []).compactMap { $0["secret"]?["secretName"]?.text }
    #expect(secrets == ["admission-tls"] && serving["secretName"]?.text == "admission-tls")
  }
}

extension Rendering {
  private static let renderings = Dictionary(
    uniqueKeysWithValues: profiles.map { profile in (profile, Result { try Rendering(profile) }) })

  /// With the default values otherwise; made once for all tests.
  static func of(_ profile: Values.Profile) throws -> Rendering {
    try #require(renderings[profile]).get()
  }
}
