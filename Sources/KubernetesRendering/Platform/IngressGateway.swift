import Documents

/// Ports that the gateway's Pods listen at. They may not have those below 1024; the Service has 443 and 80.
enum GatewayPort {
  static let https: UInt16 = 8443
  static let http: UInt16 = 8080
}

extension Platform {
  /// The public gateway: Istio's proxy, which terminates TLS. Without Istio there is none; a cluster has its own way in.
  var gateway: [ManifestFile] {
    guard values.profile == .full else { return [] }
    return [
      ManifestFile(
        "gateway/gateway.yaml",
        [gatewayAccount] + gatewayCredentials + [
          gatewayDeployment, gatewayService, gatewayScaling, gatewayDisruption,
        ]),
      ManifestFile("gateway/listeners.yaml", [secureListener, plainListener, plainRoutes, solverService]),
      ManifestFile("gateway/certificate.yaml", [issuer, certificate]),
      ManifestFile("gateway/limits.yaml", [gatewayLimits]),
    ]
  }

  static let gatewayName = "gateway"

  func gatewayMeta(_ name: String = gatewayName) -> ObjectMeta {
    Self.meta(name, in: namespaceNames.ingress, of: Self.gatewayName)
  }

  /// The mesh asks for its token itself, for an audience of its own.
  private var gatewayAccount: ServiceAccount { ServiceAccount(metadata: gatewayMeta()) }

  /// What Istio requires of a proxy's account before it hands over a certificate's Secret (istiod asks by a
  /// SubjectAccessReview). The Pods have no token to use it with.
  private var gatewayCredentials: [any ClusterObject] {
    let role = Role(
      metadata: gatewayMeta("gateway-credentials"),
      rules: [Role.Rule(apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"])])
    return [
      role,
      RoleBinding(
        role.metadata.name, namespace: namespaceNames.ingress, role: role, accounts: [gatewayAccount.metadata]),
    ]
  }

  private var gatewayDeployment: Deployment {
    let selector = Self.selector(Self.gatewayName)
    var labels = Self.labels(Self.gatewayName)
    labels["sidecar.istio.io/inject"] = "true"
    // The user that Istio's image is made for.
    let user = 1337
    let proxy = PodTemplate.Container(
      name: "istio-proxy",
      // Istio puts its own image here before anything judges the Pod; without it the Pod does not start.
      image: "auto",
      ports: [
        ContainerPort(name: "https", containerPort: GatewayPort.https),
        ContainerPort(name: "http", containerPort: GatewayPort.http),
      ],
      resources: ResourceRequirements(
        requests: ["cpu": "250m", "memory": "256Mi"], limits: ["cpu": "2", "memory": "1Gi"]))
    return Deployment(
      metadata: gatewayMeta(),
      spec: Deployment.Spec(
        selector: selector, strategy: .rolling,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            labels: labels,
            annotations: [
              "inject.istio.io/templates": "gateway",
              // Requests in flight have this long to end.
              "proxy.istio.io/config": "terminationDrainDuration: 45s\n",
            ]),
          spec: PodTemplate.Spec(
            serviceAccountName: Self.gatewayName, automountServiceAccountToken: false,
            priorityClassName: Self.platformPriority, topologySpreadConstraints: Self.spread(selector, waits: false),
            securityContext: PodTemplate.PodSecurity(runAsUser: user, runAsGroup: user, fsGroup: user),
            terminationGracePeriodSeconds: 60, containers: [proxy]))))
  }

  private var gatewayService: Service {
    Service(
      metadata: gatewayMeta(),
      spec: Service.Spec(
        type: "LoadBalancer", selector: Self.selector(Self.gatewayName).matchLabels ?? [:],
        ports: [
          Service.Port(name: "https", port: 443, targetPort: .number(GatewayPort.https), appProtocol: "https"),
          Service.Port(name: "http", port: 80, targetPort: .number(GatewayPort.http), appProtocol: "http"),
        ],
        // A client's address is what its rate is counted by: no node may put its own in its place.
        externalTrafficPolicy: "Local"))
  }

  private var gatewayScaling: HorizontalPodAutoscaler {
    HorizontalPodAutoscaler(
      gatewayMeta(), least: values.gateway.replicas.least, most: values.gateway.replicas.most)
  }

  private var gatewayDisruption: PodDisruptionBudget {
    PodDisruptionBudget(
      metadata: gatewayMeta(),
      spec: PodDisruptionBudget.Spec(
        minAvailable: values.gateway.replicas.least - 1, selector: Self.selector(Self.gatewayName)))
  }
}
