import Documents

// What admission depends on and cannot judge itself is judged by the API server: who may call a Pod a gateway, and who
// may say which namespaces are ours.
extension Platform {
  var admissionGuards: ManifestFile {
    var policies = [gatewayPods, gatewayWorkloads, ownNamespaces]
    var bindings = [
      ValidatingAdmissionPolicyBinding(gatewayPods, namespaces: .exists(tenantLabel)),
      ValidatingAdmissionPolicyBinding(gatewayWorkloads, namespaces: .exists(tenantLabel)),
      ValidatingAdmissionPolicyBinding(ownNamespaces),
    ]
    if values.profile == .full {
      policies.append(ownCertificates)
      bindings.append(ValidatingAdmissionPolicyBinding(ownCertificates))
    }
    let byAccount = sentinelGuards + controlPlaneGuards
    policies += byAccount
    bindings += byAccount.map { ValidatingAdmissionPolicyBinding($0) }
    return ManifestFile("admission/guards.yaml", (policies as [any ClusterObject]) + bindings)
  }

  static func guardMeta(_ name: String) -> ObjectMeta { meta("lobstack-\(name)", of: "admission") }

  private func isMaker(_ controller: String) -> String {
    let makers = [
      "system:serviceaccount:\(namespaceNames.controlPlane):\(Self.operatorName)",
      "system:serviceaccount:kube-system:\(controller)",
    ]
    return "request.userInfo.username in [\(makers.map { "'\($0)'" }.joined(separator: ", "))]"
  }

  /// A Pod of the platform cannot be changed into another either: its image may be replaced while it runs.
  private var gatewayPods: ValidatingAdmissionPolicy {
    let label = "metadata.labels['\(AgentLabel.gatewayOf)']"
    func has(_ object: String) -> String {
      "\(object) != null && has(\(object).metadata.labels) && '\(AgentLabel.gatewayOf)' in \(object).metadata.labels"
    }
    let unchanged = """
      \(has("oldObject")) && \(has("object")) && oldObject.\(label) == object.\(label) && oldObject.spec == object.spec
      """
    return ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("gateway-pods"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(
            apiGroups: [""], resources: ["pods", "pods/ephemeralcontainers", "pods/resize", "pods/status"],
            operations: ["CREATE", "UPDATE"], scope: "Namespaced")
        ]),
        // Of one that was one, too: without its label nobody would know it by.
        matchConditions: [.init(name: "is-a-gateway", expression: "(\(has("object"))) || (\(has("oldObject")))")],
        validations: [
          .init(
            expression: "\(isMaker("replicaset-controller")) || (\(unchanged))",
            message: "only Lobstack's operator makes or changes Pods with the label \(AgentLabel.gatewayOf)")
        ]))
  }

  private var gatewayWorkloads: ValidatingAdmissionPolicy {
    let labels = "object.spec.template.metadata.labels"
    return ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("gateway-workloads"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(
            apiGroups: ["apps"], resources: ["deployments", "replicasets"], operations: ["CREATE", "UPDATE"],
            scope: "Namespaced")
        ]),
        matchConditions: [
          .init(
            name: "makes-gateways",
            expression: """
              has(object.spec.template) && has(object.spec.template.metadata) && has(\(labels)) \
              && '\(AgentLabel.gatewayOf)' in \(labels)
              """)
        ],
        validations: [
          .init(
            expression: """
              \(isMaker("deployment-controller")) \
              || (oldObject != null && oldObject.spec.template == object.spec.template)
              """,
            message: "only Lobstack's operator makes or changes what makes Pods with the label \(AgentLabel.gatewayOf)")
        ]))
  }

  /// Certificates of the platform's domain are for its gateway alone.
  private var ownCertificates: ValidatingAdmissionPolicy {
    ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("certificates"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(
            apiGroups: ["cert-manager.io"], resources: ["certificates", "certificaterequests"],
            operations: ["CREATE", "UPDATE"], scope: "Namespaced"),
          AdmissionRule(
            apiGroups: ["acme.cert-manager.io"], resources: ["orders"], operations: ["CREATE", "UPDATE"],
            scope: "Namespaced"),
        ]),
        matchConditions: [
          .init(
            name: "asks-our-issuer",
            expression: """
              object.spec.issuerRef.name == '\(Self.issuerName)' && has(object.spec.issuerRef.kind) \
              && object.spec.issuerRef.kind == 'ClusterIssuer'
              """)
        ],
        validations: [
          .init(
            expression: "object.metadata.namespace == '\(namespaceNames.ingress)'",
            message: "the issuer \(Self.issuerName) is for Lobstack's gateway alone")
        ]))
  }

  /// What decides which policies a namespace is under changes by the hand of who may "administer" it: a verb of our own,
  /// which cluster-admin has as it has all, and which a role can give (apiGroups: [lobstack.dev], resources: [namespaces]).
  private var ownNamespaces: ValidatingAdmissionPolicy {
    func labels(_ object: String) -> String {
      "\(object) != null && has(\(object).metadata.labels) ? \(object).metadata.labels : {}"
    }
    let part = "app.kubernetes.io/part-of"
    let ours = ["before", "after"].map { "variables.\($0)[?'\(part)'].orValue('') == 'lobstack'" }
    // Gatekeeper's chart gives it to Gatekeeper's own namespace, which is exempt anyhow.
    let ignore = "request.name == '\(namespaceNames.gatekeeper)' ? [] : ['admission.gatekeeper.sh/ignore']"
    let inOurs =
      [part, "app.kubernetes.io/name", WellKnownLabel.injection, "istio.io/dataplane-mode", "istio.io/rev"]
      + ["enforce", "enforce-version"].map { "pod-security.kubernetes.io/\($0)" }
    func list(_ keys: [String]) -> String { "[\(keys.map { "'\($0)'" }.joined(separator: ", "))]" }
    return ValidatingAdmissionPolicy(
      metadata: Self.guardMeta("namespaces"),
      spec: .init(
        matchConstraints: .init(resourceRules: [
          AdmissionRule(
            apiGroups: [""], resources: ["namespaces", "namespaces/finalize", "namespaces/status"],
            operations: ["CREATE", "UPDATE", "DELETE"], scope: "Cluster")
        ]),
        variables: [
          .init(name: "before", expression: labels("oldObject")),
          .init(name: "after", expression: labels("object")),
          .init(
            name: "keys",
            expression: """
              \(list([tenantLabel])) + (\(ignore)) + (\(ours.joined(separator: " || ")) ? \(list(inOurs)) : [])
              """),
        ],
        validations: [
          .init(
            expression: """
              variables.keys.all(key, variables.before[?key] == variables.after[?key]) \
              || authorizer.group('lobstack.dev').resource('namespaces').name(request.name).check('administer').allowed()
              """,
            message: """
              labels that decide which policies hold in a namespace need the right to 'administer' namespaces of \
              lobstack.dev
              """)
        ]))
  }
}
