import Documents

extension Platform {
  /// The API, the command line's other end, and the dashboard: it keeps nothing, so any number of it answers alike.
  var controlPlaneFiles: [ManifestFile] {
    var files = [
      ManifestFile("control-plane/access.yaml", controlPlaneAccess),
      ManifestFile("control-plane/people.yaml", peopleRoles),
      ManifestFile(
        "control-plane/control-plane.yaml",
        [
          controlPlaneConfiguration, controlPlaneDeployment, controlPlaneService,
          // Two for one Deployment would work against each other.
          values.keda.map(controlPlaneScaling(by:)) ?? controlPlaneScaling, controlPlaneBudget,
        ]),
      ManifestFile("control-plane/network.yaml", controlPlaneNetwork),
    ]
    if values.profile == .full {
      files.append(ManifestFile("control-plane/gateway.yaml", [controlPlaneRoute, controlPlaneCallers]))
    } else {
      files.append(ManifestFile("control-plane/certificate.yaml", [controlPlaneCertificate]))
    }
    return files
  }

  static let controlPlaneName = "control-plane"
  static let controlPlanePort: UInt16 = 8443
  private static let sessionSecret = "control-plane-session"

  private func controlPlaneMeta(_ name: String = controlPlaneName) -> ObjectMeta {
    Self.meta(name, in: namespaceNames.controlPlane, of: Self.controlPlaneName)
  }

  // MARK: Rights

  /// It asks what others may, and does it for them: Agents alone, in the namespaces with agents alone.
  private var controlPlaneAccess: [any ClusterObject] {
    let account = controlPlaneMeta()
    let everywhere = Role(
      metadata: Self.meta("lobstack-control-plane", of: Self.controlPlaneName),
      rules: [
        Role.Rule(apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"]),
        Role.Rule(apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"], verbs: ["create"]),
        Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: ["get", "list", "watch"]),
      ])
    let agents = Role(
      metadata: Self.meta("lobstack-control-plane-agents", of: Self.controlPlaneName),
      rules: [
        Role.Rule(
          apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: ["create", "update", "patch", "delete"]),
        // Of the condition Contained alone, and of agents' containers alone: see the guards.
        Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/status"], verbs: ["patch"]),
        Role.Rule(apiGroups: [""], resources: ["pods", "pods/log"], verbs: ["get"]),
        // Of its gateway a Deployment chooses the Pod's name.
        Role.Rule(apiGroups: [""], resources: ["pods"], verbs: ["list"]),
        // A WebSocket is a GET, and from Kubernetes 1.35 on a create too.
        Role.Rule(apiGroups: [""], resources: ["pods/exec"], verbs: ["get", "create"]),
        Role.Rule(apiGroups: ["metrics.k8s.io"], resources: ["pods"], verbs: ["get"]),
        Role.Rule(apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["list"]),
      ])
    // Where the name servers are, whose logs have the names that agents were refused.
    let own = Role(
      metadata: controlPlaneMeta("lobstack-control-plane-denials"),
      rules: [
        Role.Rule(apiGroups: [""], resources: ["pods"], verbs: ["list"]),
        Role.Rule(apiGroups: [""], resources: ["pods/log"], verbs: ["get"]),
      ])
    return [
      ServiceAccount(metadata: account), everywhere,
      RoleBinding("lobstack-control-plane", namespace: nil, role: everywhere, accounts: [account]), agents, own,
      RoleBinding(
        "lobstack-control-plane-denials", namespace: namespaceNames.controlPlane, role: own, accounts: [account]),
    ]
      + values.tenants.keys.sorted().map {
        RoleBinding("lobstack-control-plane", namespace: values.namespace(of: $0), role: agents, accounts: [account])
      }
  }

  /// For people and programs, to be bound in their tenants' namespaces: what they may, they may by kubectl too.
  private var peopleRoles: [any ClusterObject] {
    func role(_ name: String, _ rules: [Role.Rule]) -> Role {
      Role(metadata: Self.meta(name, of: Self.controlPlaneName), rules: rules)
    }
    let reading = [
      Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: ["get", "list", "watch"]),
      // No resources of the API server: what the control plane asks about.
      Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/log"], verbs: ["get"]),
      Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/alerts", "agents/denials"], verbs: ["list"]),
    ]
    let changing = [
      Role.Rule(
        apiGroups: [AgentDefinition.group], resources: ["agents"], verbs: ["create", "update", "patch", "delete"]),
      Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/exec", "agents/proxy"], verbs: ["create"]),
    ]
    return [role("lobstack-agent-viewer", reading), role("lobstack-agent-editor", reading + changing)]
  }

  // MARK: The program

  private var controlPlaneConfiguration: ConfigMap {
    ConfigMap(metadata: controlPlaneMeta(), data: ["values.yaml": valuesText.isEmpty ? "{}\n" : valuesText])
  }

  private var controlPlaneDeployment: Deployment {
    let selector = Self.selector(Self.controlPlaneName)
    let (tls, session) = ("/etc/lobstack-tls", "/etc/lobstack-session")
    let container = PodTemplate.Container(
      name: Self.controlPlaneName, image: values.images.lobstack,
      args: [
        "cluster-control-plane", "--values", "/etc/lobstack/values.yaml", "--listen",
        "0.0.0.0:\(Self.controlPlanePort)", "--probes", "0.0.0.0:\(Self.metricsPort)", "--session-key",
        "\(session)/key", "--log-format", "json",
      ] + (isInMesh ? ["--behind-mesh"] : ["--cert", "\(tls)/tls.crt", "--key", "\(tls)/tls.key"]) + recorderArguments,
      ports: [
        ContainerPort(name: isInMesh ? "http" : "https", containerPort: Self.controlPlanePort),
        ContainerPort(name: Self.metricsPortName, containerPort: Self.metricsPort),
      ],
      resources: ResourceRequirements(
        requests: ["cpu": "250m", "memory": "128Mi"], limits: ["cpu": "2", "memory": "1Gi"]),
      // Ready it is once it has heard of the API server, which may take its time.
      startupProbe: .get("/healthz", port: Self.metricsPortName, every: 5, failures: 12),
      livenessProbe: .get("/healthz", port: Self.metricsPortName, every: 10, failures: 3),
      readinessProbe: .get("/readyz", port: Self.metricsPortName, every: 5, failures: 2),
      volumeMounts: [
        VolumeMount(name: "configuration", mountPath: "/etc/lobstack", readOnly: true),
        VolumeMount(name: "session", mountPath: session, readOnly: true), recorderMount,
      ] + (isInMesh ? [] : [VolumeMount(name: "tls", mountPath: tls, readOnly: true)]))
    return Deployment(
      metadata: controlPlaneMeta(),
      spec: Deployment.Spec(
        selector: selector, strategy: .rolling,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            labels: Self.labels(Self.controlPlaneName),
            // Its Pods are made anew when what they read at their start is another.
            annotations: ["lobstack.dev/configuration": shortDigest(valuesText)]),
          spec: PodTemplate.Spec(
            serviceAccountName: Self.controlPlaneName, automountServiceAccountToken: true,
            priorityClassName: Self.platformPriority,
            topologySpreadConstraints: Self.spread(Self.selector(Self.controlPlaneName)),
            terminationGracePeriodSeconds: 30,
            containers: [container],
            volumes: [
              PodTemplate.Volume(
                name: "configuration", configMap: PodTemplate.ConfigMapSource(name: Self.controlPlaneName)),
              recorderLogin(inNamespaceOfRecorder: true),
              // Who runs the cluster makes it; without it nobody logs in with a browser.
              PodTemplate.Volume(
                name: "session",
                secret: PodTemplate.SecretSource(
                  secretName: Self.sessionSecret, defaultMode: 0o440, optional: true)),
            ]
              + (isInMesh
                ? []
                : [
                  PodTemplate.Volume(
                    name: "tls",
                    secret: PodTemplate.SecretSource(secretName: Self.controlPlaneTLS, defaultMode: 0o440))
                ])))))
  }

  private var controlPlaneService: Service {
    Service(
      metadata: controlPlaneMeta(),
      spec: Service.Spec(
        selector: Self.selector(Self.controlPlaneName).matchLabels ?? [:],
        ports: [
          isInMesh
            ? Service.Port(name: "http", port: 80, targetPort: "http", appProtocol: "http")
            : Service.Port(name: "https", port: 443, targetPort: "https", appProtocol: "https")
        ]))
  }

  private var controlPlaneScaling: any ClusterObject {
    HorizontalPodAutoscaler(controlPlaneMeta(), least: values.controlPlane.least, most: values.controlPlane.most)
  }

  private var controlPlaneBudget: PodDisruptionBudget {
    PodDisruptionBudget(
      metadata: controlPlaneMeta(),
      spec: PodDisruptionBudget.Spec(
        minAvailable: max(1, values.controlPlane.least - 1), selector: Self.selector(Self.controlPlaneName)))
  }
}
