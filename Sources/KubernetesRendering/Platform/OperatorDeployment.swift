import AgentModel
import Blueprint
import Documents

extension Platform {
  /// What makes Agents be: its rights end at the namespaces with agents.
  func operatorFiles() throws -> [ManifestFile] {
    let account = Self.meta(Self.operatorName, in: namespaceNames.controlPlane)
    return [
      ManifestFile("operator/access.yaml", access(account)),
      ManifestFile("operator/operator.yaml", [try configuration(), deployment(account), budget]),
    ]
  }

  /// Its service account, which alone makes agents' gateways.
  static let operatorName = "operator"
  private static let leases = "lobstack-operator"
  /// What of the policy the operator reads.
  private static let policyParts = ["network", "mesh", "egress"]

  private func access(_ account: ObjectMeta) -> [any ClusterObject] {
    let agents = values.tenants.keys.sorted().map { values.namespace(of: $0) }
    let own = Role(
      metadata: Self.meta(Self.operatorName, in: namespaceNames.controlPlane),
      rules: [
        // A name cannot be a condition for making what has none yet.
        Role.Rule(apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"]),
        Role.Rule(
          apiGroups: ["coordination.k8s.io"], resources: ["leases"], resourceNames: [Self.leases],
          verbs: ["get", "update", "patch"]),
      ])
    // Agents everywhere: those of a namespace that is no tenant's any more, or that is being deleted with the right in it,
    // have to be let go of.
    let everywhere = Role(
      metadata: Self.meta("lobstack-operator-agents", of: Self.operatorName), rules: Self.agentRules)
    let role = Role(metadata: Self.meta("lobstack-operator", of: Self.operatorName), rules: Self.objectRules)
    return [ServiceAccount(metadata: account), own]
      + [
        RoleBinding(Self.operatorName, namespace: namespaceNames.controlPlane, role: own, accounts: [account]),
        everywhere, RoleBinding("lobstack-operator-agents", namespace: nil, role: everywhere, accounts: [account]),
        role,
      ] + agents.map { RoleBinding("lobstack-operator", namespace: $0, role: role, accounts: [account]) }
  }

  private static let agentRules = [
    Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: ["get", "list", "watch", "patch"]),
    Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/status"], verbs: ["patch"]),
    // Asked for by admission of owner references that block the owner's deletion.
    Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/finalizers"], verbs: ["update"]),
    Role.Rule(apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"]),
  ]

  /// In a namespace with agents. None of these lets a Secret be read. Types that the cluster does not serve do no harm.
  private static let objectRules: [Role.Rule] = {
    let whole = ["get", "list", "watch", "create", "patch", "delete"]
    return [
      Role.Rule(
        apiGroups: [""], resources: ["configmaps", "persistentvolumeclaims", "pods", "serviceaccounts", "services"],
        verbs: whole),
      Role.Rule(apiGroups: ["apps"], resources: ["deployments"], verbs: whole),
      Role.Rule(apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: whole),
      Role.Rule(apiGroups: ["secrets-store.csi.x-k8s.io"], resources: ["secretproviderclasses"], verbs: whole),
      Role.Rule(apiGroups: ["agents.x-k8s.io"], resources: ["sandboxes"], verbs: whole),
      Role.Rule(apiGroups: ["networking.istio.io"], resources: ["serviceentries", "sidecars"], verbs: whole),
      Role.Rule(apiGroups: ["security.istio.io"], resources: ["authorizationpolicies"], verbs: whole),
    ]
  }()

  /// Values and policy as they were rendered with: a change of either is a change of the Deployment, too.
  private func configuration() throws -> ConfigMap {
    var data = ["values.yaml": valuesText.isEmpty ? "{}\n" : valuesText]
    for part in Self.policyParts {
      for (path, text) in texts.files(below: part) { data[Self.key(path)] = text }
    }
    return ConfigMap(metadata: Self.meta(Self.operatorName, in: namespaceNames.controlPlane), data: data)
  }

  /// A key of a ConfigMap has no slash.
  private static func key(_ path: String) -> String { path.replacing("/", with: "_") }

  private func deployment(_ account: ObjectMeta) -> Deployment {
    let policy = Self.policyParts.flatMap { texts.files(below: $0) }.map {
      PodTemplate.KeyPath(key: Self.key($0.path), path: "policy/\($0.path)")
    }
    return Deployment(
      metadata: account,
      spec: Deployment.Spec(
        replicas: values.controlPlane.least, selector: Self.selector(Self.operatorName), strategy: .rolling,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            labels: Self.labels(Self.operatorName),
            annotations: ["lobstack.dev/configuration": configurationDigest]),
          spec: PodTemplate.Spec(
            serviceAccountName: account.name, automountServiceAccountToken: true,
            priorityClassName: Self.platformPriority,
            topologySpreadConstraints: Self.spread(Self.selector(Self.operatorName)),
            terminationGracePeriodSeconds: 30,
            containers: [
              PodTemplate.Container(
                name: Self.operatorName, image: values.images.lobstack,
                args: [
                  "operator", "--values", "/etc/lobstack/values.yaml", "--policy", "/etc/lobstack/policy",
                  "--namespace",
                  "$(NAMESPACE)", "--identity", "$(POD)", "--probes", "0.0.0.0:\(Self.metricsPort)", "--log-format",
                  "json",
                  "--vault-addr", vaultAddress, "--vault-ca", "\(Self.vaultDirectory)/ca.crt", "--vault-account-token",
                  "\(Self.vaultDirectory)/token",
                ],
                env: [
                  PodTemplate.Variable(
                    name: "NAMESPACE",
                    valueFrom: PodTemplate.Variable.Source(
                      fieldRef: PodTemplate.Variable.Field(fieldPath: "metadata.namespace"))),
                  PodTemplate.Variable(
                    name: "POD",
                    valueFrom: PodTemplate.Variable.Source(
                      fieldRef: PodTemplate.Variable.Field(fieldPath: "metadata.name"))),
                ],
                ports: [ContainerPort(name: Self.metricsPortName, containerPort: Self.metricsPort)],
                resources: ResourceRequirements(
                  requests: ["cpu": "100m", "memory": "128Mi"], limits: ["cpu": "1", "memory": "1Gi"]),
                startupProbe: .get("/healthz", port: Self.metricsPortName, every: 5, failures: 12),
                livenessProbe: .get("/healthz", port: Self.metricsPortName, every: 10, failures: 3),
                readinessProbe: .get("/readyz", port: Self.metricsPortName, every: 5, failures: 2),
                volumeMounts: [
                  VolumeMount(name: "configuration", mountPath: "/etc/lobstack", readOnly: true),
                  VolumeMount(name: "vault", mountPath: Self.vaultDirectory, readOnly: true),
                ])
            ],
            volumes: [
              PodTemplate.Volume(
                name: "configuration",
                configMap: PodTemplate.ConfigMapSource(
                  name: Self.operatorName,
                  items: [PodTemplate.KeyPath(key: "values.yaml", path: "values.yaml")] + policy)),
              vaultLogin,
            ]))))
  }

  private var budget: PodDisruptionBudget {
    PodDisruptionBudget(
      metadata: Self.meta(Self.operatorName, in: namespaceNames.controlPlane),
      spec: PodDisruptionBudget.Spec(
        minAvailable: max(1, values.controlPlane.least - 1), selector: Self.selector(Self.operatorName)))
  }

  /// Changes with what the operator is configured by, so that its Pods are made anew then.
  private var configurationDigest: String {
    let parts = [valuesText] + Self.policyParts.flatMap { texts.files(below: $0).map { "\($0.path)\n\($0.text)" } }
    return shortDigest(parts.joined(separator: "\n"))
  }
}
