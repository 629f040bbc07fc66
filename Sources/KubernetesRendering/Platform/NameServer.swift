import Documents

extension Platform {
  /// Who answers the agents' DNS queries: by the same rules as on one machine, from what the API server tells.
  ///
  /// It is outside the mesh: those who ask are. It asks nobody but the API server, and is reached over no more than
  /// NetworkPolicies say.
  var nameServer: [ManifestFile] {
    let account = Self.meta(Self.nameServerName, in: namespaceNames.controlPlane)
    return [
      ManifestFile("name-server/access.yaml", nameServerAccess(account)),
      ManifestFile(
        "name-server/name-server.yaml",
        [nameService] + (values.profile == .full ? [nameServerMetrics] : []) + [
          nameServerDeployment(account), nameServerBudget,
        ]),
    ]
  }

  static let nameServerName = "name-server"
  /// Of its Pods; that of its Service is DNS' own, which nobody binds without a right.
  static let nameServerPort: UInt16 = 5353

  /// In the namespaces with agents alone: a Pod's environment is often secret, and no right can be for some Pods only.
  private func nameServerAccess(_ account: ObjectMeta) -> [any ClusterObject] {
    let verbs = ["list", "watch"]
    let role = Role(
      metadata: Self.meta("lobstack-name-server", of: Self.nameServerName),
      rules: [
        Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: verbs),
        Role.Rule(apiGroups: [""], resources: ["pods", "services"], verbs: verbs),
      ])
    return [ServiceAccount(metadata: account), role]
      + agentNamespaces.map { RoleBinding("lobstack-name-server", namespace: $0, role: role, accounts: [account]) }
  }

  /// What agents have as their name server, by its address.
  private var nameService: Service {
    Service(
      metadata: Self.meta(Self.nameServerName, in: namespaceNames.controlPlane),
      spec: Service.Spec(
        clusterIP: values.network.nameServer, selector: Self.selector(Self.nameServerName).matchLabels ?? [:],
        ports: [
          Service.Port(name: "dns", port: 53, targetPort: "dns", protocol: "UDP"),
          Service.Port(name: "dns-tcp", port: 53, targetPort: "dns-tcp", protocol: "TCP"),
        ]))
  }

  /// Of its own, so that agents' name server answers nothing but names.
  private var nameServerMetrics: Service {
    Service(
      metadata: Self.meta("\(Self.nameServerName)-metrics", in: namespaceNames.controlPlane, of: Self.nameServerName),
      spec: Service.Spec(
        clusterIP: "None", selector: Self.selector(Self.nameServerName).matchLabels ?? [:],
        ports: [Service.Port(name: Self.metricsPortName, port: Self.metricsPort, targetPort: "metrics")]))
  }

  private func nameServerDeployment(_ account: ObjectMeta) -> Deployment {
    let container = PodTemplate.Container(
      name: Self.nameServerName, image: values.images.lobstack,
      args: [
        "name-server", "--values", "/etc/lobstack/values.yaml", "--listen", "0.0.0.0:\(Self.nameServerPort)",
        "--probes",
        "0.0.0.0:\(Self.metricsPort)", "--log-format", "json",
      ],
      ports: [
        ContainerPort(name: "dns", containerPort: Self.nameServerPort, protocol: "UDP"),
        ContainerPort(name: "dns-tcp", containerPort: Self.nameServerPort),
        ContainerPort(name: Self.metricsPortName, containerPort: Self.metricsPort),
      ],
      resources: ResourceRequirements(
        requests: ["cpu": "100m", "memory": "64Mi"], limits: ["cpu": "1", "memory": "512Mi"]),
      startupProbe: .get("/healthz", port: Self.metricsPortName, every: 5, failures: 12),
      livenessProbe: .get("/healthz", port: Self.metricsPortName, every: 10, failures: 3),
      readinessProbe: .get("/readyz", port: Self.metricsPortName, every: 5, failures: 2),
      // Until no node sends it queries any more.
      lifecycle: PodTemplate.Lifecycle(preStop: .init(sleep: .init(seconds: 5))),
      volumeMounts: [VolumeMount(name: "configuration", mountPath: "/etc/lobstack", readOnly: true)])
    return Deployment(
      metadata: account,
      spec: Deployment.Spec(
        replicas: values.controlPlane.least, selector: Self.selector(Self.nameServerName), strategy: .rolling,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            labels: Self.labels(Self.nameServerName).merging(
              values.profile == .full ? [AgentLabel.sidecar: "false"] : [:]
            ) { $1 },
            annotations: ["lobstack.dev/configuration": shortDigest(valuesText)]),
          spec: PodTemplate.Spec(
            serviceAccountName: account.name, automountServiceAccountToken: true,
            priorityClassName: Self.platformPriority,
            topologySpreadConstraints: Self.spread(Self.selector(Self.nameServerName)),
            terminationGracePeriodSeconds: 30, containers: [container],
            volumes: [
              PodTemplate.Volume(
                name: "configuration",
                configMap: PodTemplate.ConfigMapSource(
                  name: Self.operatorName, items: [PodTemplate.KeyPath(key: "values.yaml", path: "values.yaml")]))
            ]))))
  }

  private var nameServerBudget: PodDisruptionBudget {
    PodDisruptionBudget(
      metadata: Self.meta(Self.nameServerName, in: namespaceNames.controlPlane),
      spec: PodDisruptionBudget.Spec(
        minAvailable: max(1, values.controlPlane.least - 1), selector: Self.selector(Self.nameServerName)))
  }
}
