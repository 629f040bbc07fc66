import AgentModel
import Blueprint
import Documents

/// What watches agents' sandboxes, on each node that has some.
extension Platform {
  static let sentinelName = "sentinel"
  /// Owns the directory of its socket on nodes, and is nobody else's in the platform.
  static let sentinelUser = 65531
  private static let rulesDirectory = "/etc/lobstack/rules"

  var sentinelFiles: [ManifestFile] {
    let account = Self.meta(Self.sentinelName, in: namespaceNames.sentinel)
    return [
      ManifestFile("sentinel/access.yaml", sentinelAccess(account)),
      ManifestFile("sentinel/network.yaml", sentinelNetwork),
      ManifestFile("detection/sentinel-rules.yaml", [sentinelRules]),
      ManifestFile("sentinel/sentinel.yaml", [sentinelDaemonSet(account)]),
    ]
  }

  // MARK: Rights

  /// It reads the Pods of its node, for which the API has no narrower right than all Pods. What it may change is in
  /// tenants' namespaces, and of it admission/guards.yaml lets through what is about Pods of its own node.
  private func sentinelAccess(_ account: ObjectMeta) -> [any ClusterObject] {
    let pods = Role(
      metadata: Self.meta("lobstack-sentinel-pods", of: Self.sentinelName),
      rules: [Role.Rule(apiGroups: [""], resources: ["pods"], verbs: ["get", "list", "watch"])])
    let responses = Role(
      metadata: Self.meta("lobstack-sentinel", of: Self.sentinelName),
      rules: [
        Role.Rule(apiGroups: [""], resources: ["pods"], verbs: ["delete", "patch"]),
        Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: ["get"]),
        Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/status"], verbs: ["patch"]),
        Role.Rule(apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"]),
      ])
    let agents = values.tenants.keys.sorted().map { values.namespace(of: $0) }
    return [
      ServiceAccount(metadata: account), pods,
      RoleBinding("lobstack-sentinel-pods", namespace: nil, role: pods, accounts: [account]), responses,
    ] + agents.map { RoleBinding("lobstack-sentinel", namespace: $0, role: responses, accounts: [account]) }
  }

  private var sentinelNetwork: [any ClusterObject] {
    let namespace = namespaceNames.sentinel
    var policies = [
      Self.closed(namespace),
      NetworkPolicy(
        metadata: Self.meta(Self.sentinelName, in: namespace, of: "network"),
        spec: NetworkPolicySpec(
          podSelector: Self.selector(Self.sentinelName), policyTypes: [.egress], egress: [apiServerEgress])),
    ]
    if values.profile == .full {
      let prometheus = NetworkPolicyPeer(
        podSelector: LabelSelector(matchLabels: ["app.kubernetes.io/name": "prometheus"]),
        namespaceSelector: Self.namespaceSelector(namespaceNames.monitoring))
      policies.append(
        NetworkPolicy(
          metadata: Self.meta("sentinel-metrics", in: namespace, of: "network"),
          spec: NetworkPolicySpec(
            podSelector: Self.selector(Self.sentinelName), policyTypes: [.ingress],
            ingress: [
              IngressRule(
                from: [prometheus], ports: [NetworkPolicyPort(protocol: "TCP", port: Self.metricsPort)])
            ])))
    }
    return policies
  }

  // MARK: Rules

  /// Those of the policy as they stand, and what differs in this cluster.
  private var sentinelRules: ConfigMap {
    var data = falcoRules
    let ranges = values.network.services.map { "\"\($0)\"" }.joined(separator: ", ")
    data["zz_sentinel.yaml"] = """
      # Agents' gateways and name server have addresses of the cluster's Services. Who may reach which of them is for
      # NetworkPolicies to say.
      - macro: platform_service
        condition: (fd.snet in (\(ranges)) and fd.sport in (platform_service_ports))
        override: {condition: replace}

      """
    return ConfigMap(
      metadata: Self.meta("sentinel-rules", in: namespaceNames.sentinel, of: Self.sentinelName), data: data)
  }

  // MARK: Pods

  private func sentinelDaemonSet(_ account: ObjectMeta) -> DaemonSet {
    DaemonSet(
      metadata: account,
      spec: DaemonSet.Spec(
        selector: Self.selector(Self.sentinelName),
        // With a sentinel all agents of its node are replaced: whoever runs the cluster says when, node by node.
        updateStrategy: DaemonSet.Update(type: "OnDelete"),
        template: PodTemplate(
          metadata: PodTemplate.Metadata(labels: Self.labels(Self.sentinelName)),
          spec: PodTemplate.Spec(
            serviceAccountName: account.name, automountServiceAccountToken: true,
            priorityClassName: Self.platformPriority,
            nodeSelector: [Self.sandboxNodes: "true"],
            tolerations: [
              Toleration(key: Self.sandboxNodes, operator: "Equal", value: "true", effect: "NoSchedule")
            ],
            securityContext: PodTemplate.PodSecurity(
              runAsUser: Self.sentinelUser, runAsGroup: Self.sentinelUser, fsGroup: nil),
            terminationGracePeriodSeconds: 10, containers: [sentinelContainer],
            volumes: [
              PodTemplate.Volume(
                name: "rules", configMap: PodTemplate.ConfigMapSource(name: "sentinel-rules")),
              recorderLogin(inNamespaceOfRecorder: false),
              // Made by systemd-tmpfiles on the node, since the kubelet would make it root's.
              PodTemplate.Volume(
                name: "trace", hostPath: PodTemplate.HostPath(path: Self.traceDirectory, type: "Directory")),
            ]))))
  }

  private var sentinelContainer: PodTemplate.Container {
    return PodTemplate.Container(
      name: Self.sentinelName, image: values.images.lobstack,
      args: [
        "cluster-sentinel", "--node", "$(NODE)", "--socket", Self.traceSocket, "--rules", Self.rulesDirectory,
        "--agents-namespace", namespaceNames.agents, "--platform-image", values.images.lobstack,
        "--probes", "0.0.0.0:\(Self.metricsPort)", "--log-format", "json",
      ] + recorderArguments,
      env: [
        PodTemplate.Variable(
          name: "NODE",
          valueFrom: PodTemplate.Variable.Source(fieldRef: PodTemplate.Variable.Field(fieldPath: "spec.nodeName")))
      ],
      ports: [ContainerPort(name: Self.metricsPortName, containerPort: Self.metricsPort)],
      resources: ResourceRequirements(
        requests: ["cpu": "100m", "memory": "256Mi"], limits: ["cpu": "2", "memory": "1Gi"]),
      // All agents of the node go when it ends: it is given time.
      startupProbe: .get("/healthz", port: Self.metricsPortName, every: 5, failures: 24),
      livenessProbe: .get("/healthz", port: Self.metricsPortName, every: 10, failures: 6),
      readinessProbe: .get("/readyz", port: Self.metricsPortName, every: 5, failures: 2),
      volumeMounts: [
        VolumeMount(name: "rules", mountPath: Self.rulesDirectory, readOnly: true),
        VolumeMount(name: "trace", mountPath: Self.traceDirectory), recorderMount,
      ])
  }
}
