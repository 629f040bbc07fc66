import AgentModel
import Documents

/// What runs the Envoy by which requests from outside come to agents. The room that knows Envoy gives it.
package struct AgentIngressConfiguration: Sendable {
  /// Of Envoy.
  package var arguments: [String]
  /// Files by name, for the name of the control plane's Service, and whether a mesh is around it.
  package var files: @Sendable (_ controlPlane: String, _ isInMesh: Bool) -> [String: String]

  package init(
    arguments: [String], files: @escaping @Sendable (_ controlPlane: String, _ isInMesh: Bool) -> [String: String]
  ) {
    self.arguments = arguments
    self.files = files
  }
}

extension Platform {
  static let agentIngressName = "agent-ingress"

  /// The way from the public gateway, or without a mesh from the cluster's own way in, to the agents' gateways.
  var agentIngressFiles: [ManifestFile] {
    guard let agentIngress else { return [] }
    let files = agentIngress.files(Self.host(of: Self.controlPlaneName, in: namespaceNames.controlPlane), isInMesh)
    var all = [
      ManifestFile(
        "agent-ingress/agent-ingress.yaml",
        [
          ServiceAccount(metadata: ingressMeta()), ConfigMap(metadata: ingressMeta(), data: files),
          deployment(agentIngress, files), ingressService, ingressScaling, ingressBudget,
        ]),
      ManifestFile("agent-ingress/network.yaml", [ingressNetwork]),
    ]
    all.append(
      isInMesh
        ? ManifestFile("agent-ingress/callers.yaml", [ingressCallers])
        : ManifestFile("agent-ingress/certificate.yaml", [ingressCertificate]))
    return all
  }

  private static let tlsSecret = "agent-ingress-tls"

  private static func host(of service: String, in namespace: String) -> String { "\(service).\(namespace).svc" }

  private func ingressMeta() -> ObjectMeta {
    Self.meta(Self.agentIngressName, in: namespaceNames.controlPlane, of: Self.agentIngressName)
  }

  // MARK: The program

  private func deployment(_ configuration: AgentIngressConfiguration, _ files: [String: String]) -> Deployment {
    let selector = Self.selector(Self.agentIngressName)
    // Envoy watches files, of which the kernel counts those of a user over all Pods of a node.
    let user = 65530
    var volumes = [
      PodTemplate.Volume(name: "configuration", configMap: .init(name: Self.agentIngressName)),
      PodTemplate.Volume(name: "runtime", emptyDir: .init(medium: "Memory", sizeLimit: "1Mi")),
    ]
    if !isInMesh {
      volumes.append(
        PodTemplate.Volume(name: "tls", secret: .init(secretName: Self.tlsSecret, defaultMode: 0o440)))
    }
    return Deployment(
      metadata: ingressMeta(),
      spec: Deployment.Spec(
        selector: selector, strategy: .rolling,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            labels: Self.labels(Self.agentIngressName),
            annotations: [
              "lobstack.dev/configuration": shortDigest(
                files.sorted { $0.key < $1.key }.map { "\($0.key)\n\($0.value)" }.joined(separator: "\n"))
            ]),
          spec: PodTemplate.Spec(
            serviceAccountName: Self.agentIngressName, automountServiceAccountToken: false,
            priorityClassName: Self.platformPriority,
            topologySpreadConstraints: Self.spread(Self.selector(Self.agentIngressName)),
            securityContext: PodTemplate.PodSecurity(runAsUser: user, runAsGroup: user, fsGroup: user),
            terminationGracePeriodSeconds: 45, containers: [envoy(configuration)], volumes: volumes))))
  }

  private func envoy(_ configuration: AgentIngressConfiguration) -> PodTemplate.Container {
    return PodTemplate.Container(
      name: "envoy", image: values.images.envoy, command: ["/usr/local/bin/envoy"], args: configuration.arguments,
      ports: [
        ContainerPort(name: "ingress", containerPort: AgentIngressLayout.port),
        ContainerPort(name: "probes", containerPort: AgentIngressLayout.probePort),
      ],
      resources: ResourceRequirements(
        requests: ["cpu": "100m", "memory": "128Mi"], limits: ["cpu": "1", "memory": "\(AgentIngressLayout.memory)"]),
      startupProbe: .get("/ready", port: "probes", every: 1, failures: 60),
      livenessProbe: .get("/live", port: "probes", every: 10, failures: 3),
      readinessProbe: .get("/ready", port: "probes", every: 5, failures: 2),
      // Requests in flight have this long to end; no new ones come meanwhile.
      lifecycle: PodTemplate.Lifecycle(preStop: .init(sleep: .init(seconds: 30))),
      volumeMounts: [
        VolumeMount(name: "configuration", mountPath: AgentIngressLayout.configuration, readOnly: true),
        VolumeMount(name: "runtime", mountPath: AgentIngressLayout.runtime),
      ]
        + (isInMesh ? [] : [VolumeMount(name: "tls", mountPath: AgentIngressLayout.certificate, readOnly: true)]))
  }

  private var ingressService: Service {
    Service(
      metadata: ingressMeta(),
      spec: Service.Spec(
        selector: Self.selector(Self.agentIngressName).matchLabels ?? [:],
        ports: [
          isInMesh
            ? Service.Port(name: "http", port: 80, targetPort: "ingress", appProtocol: "http")
            : Service.Port(name: "https", port: 443, targetPort: "ingress", appProtocol: "https")
        ]))
  }

  private var ingressScaling: HorizontalPodAutoscaler {
    HorizontalPodAutoscaler(
      ingressMeta(), least: values.gateway.replicas.least, most: values.gateway.replicas.most)
  }

  private var ingressBudget: PodDisruptionBudget {
    PodDisruptionBudget(
      metadata: ingressMeta(),
      spec: PodDisruptionBudget.Spec(
        minAvailable: max(1, values.gateway.replicas.least - 1), selector: Self.selector(Self.agentIngressName)))
  }

  // MARK: Who comes in, and where it goes

  /// The public gateway, and nobody else in the mesh.
  private var ingressCallers: AuthorizationPolicy {
    AuthorizationPolicy(
      metadata: ingressMeta(),
      spec: AuthorizationPolicySpec(
        selector: Self.selector(Self.agentIngressName),
        rules: [
          AuthorizationRule(
            from: [
              .init(source: .init(principals: [values.account(Self.gatewayName, in: namespaceNames.ingress)]))
            ], to: [.init(operation: .init(ports: ["\(AgentIngressLayout.port)"]))])
        ]))
  }

  /// Of the authority of the control plane's, for the same name on the Internet.
  private var ingressCertificate: Certificate {
    Certificate(
      metadata: ingressMeta(),
      spec: Certificate.Spec(
        secretName: Self.tlsSecret,
        dnsNames: [Self.host(of: Self.agentIngressName, in: namespaceNames.controlPlane), values.domain],
        duration: "2160h", renewBefore: "720h", usages: ["digital signature", "server auth"],
        issuerRef: Certificate.Reference(platformAuthority)))
  }

  /// In as to the control plane; out to it, and to agents' gateways.
  private var ingressNetwork: NetworkPolicy {
    func tcp(_ port: UInt16) -> NetworkPolicyPort { NetworkPolicyPort(protocol: "TCP", port: port) }
    let from = isInMesh ? values.ingressGateway : NetworkPolicyPeer(namespaceSelector: LabelSelector())
    let gateways = NetworkPolicyPeer(
      podSelector: LabelSelector(matchExpressions: [.init(AgentLabel.gatewayOf, .exists)]),
      namespaceSelector: Self.withAgents)
    return NetworkPolicy(
      metadata: ingressMeta(),
      spec: NetworkPolicySpec(
        podSelector: Self.selector(Self.agentIngressName), policyTypes: [.ingress, .egress],
        ingress: [IngressRule(from: [from], ports: [tcp(AgentIngressLayout.port)])],
        egress: [
          EgressRule(
            to: [NetworkPolicyPeer(podSelector: Self.selector(Self.controlPlaneName))],
            ports: [tcp(Self.controlPlanePort)]),
          EgressRule(to: [gateways], ports: [tcp(PairedGatewayLayout.ingressPort)]),
        ]))
  }
}
