import AgentModel
import Documents

/// The Pod beside the agent's, which holds its identity and its credentials: all that the agent reaches, and all by
/// which it is reached.
extension AgentRendering {
  var gatewayFiles: ConfigMap {
    ConfigMap(metadata: meta(names.gateway, of: AgentNames.gatewayPart), data: gatewayTexts)
  }

  /// The name server gives its address for every name that the agent may know.
  var gatewayService: Service {
    var ports = [
      Service.Port(name: "http", port: 80, targetPort: .number(PairedGatewayLayout.httpPort), appProtocol: "http"),
      Service.Port(name: "tls", port: 443, targetPort: .number(PairedGatewayLayout.tlsPort), appProtocol: "tls"),
    ]
    if !agent.spec.ports.isEmpty {
      ports.append(
        Service.Port(
          // A mesh leads HTTP by its host, which is the client's here, and TCP by the address.
          name: "tcp-ingress", port: PairedGatewayLayout.ingressPort,
          targetPort: .number(PairedGatewayLayout.ingressPort), appProtocol: "tcp"))
    }
    return Service(
      metadata: meta(names.gatewayService, of: AgentNames.gatewayPart),
      spec: Service.Spec(type: "ClusterIP", selector: gatewayLabels, ports: ports))
  }

  var gatewayDeployment: Deployment {
    let user = AgentNames.gatewayUser(of: agent.id)
    let part = meta(names.gateway, of: AgentNames.gatewayPart)
    return Deployment(
      metadata: part,
      spec: Deployment.Spec(
        replicas: 1, selector: LabelSelector(matchLabels: gatewayLabels),
        // The old rules end before the new ones begin, and no quota has to have room for both.
        strategy: .recreate,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            labels: (part.labels ?? [:]).merging(gatewayLabels) { $1 }
              .merging([AgentLabel.sidecar: values.profile == .full ? "true" : "false"]) { $1 },
            annotations: annotations),
          spec: PodTemplate.Spec(
            serviceAccountName: names.agent, automountServiceAccountToken: false,
            priorityClassName: Platform.agentPriority,
            securityContext: PodTemplate.PodSecurity(runAsUser: user, runAsGroup: user, fsGroup: user),
            terminationGracePeriodSeconds: 5, containers: [envoy], volumes: volumes))))
  }

  private var annotations: [String: String] {
    // Of all files the bootstrap alone is read once.
    var annotations = ["lobstack.dev/bootstrap": shortDigest(gatewayTexts[PairedGatewayLayout.bootstrap] ?? "")]
    if values.profile == .full {
      // The agent is outside the mesh: what it says comes as it is, from nobody else (NetworkPolicy).
      annotations["traffic.sidecar.istio.io/excludeInboundPorts"] =
        "\(PairedGatewayLayout.httpPort),\(PairedGatewayLayout.tlsPort)"
      annotations.merge(AgentShare.proxyAnnotations) { $1 }
    }
    return annotations
  }

  private var envoy: PodTemplate.Container {
    return PodTemplate.Container(
      name: AgentNames.gatewayContainer, image: values.images.envoy, command: ["/usr/local/bin/envoy"],
      args: gateway.arguments,
      ports: [
        ContainerPort(name: "http", containerPort: PairedGatewayLayout.httpPort),
        ContainerPort(name: "tls", containerPort: PairedGatewayLayout.tlsPort),
        ContainerPort(name: "ingress", containerPort: PairedGatewayLayout.ingressPort),
        ContainerPort(name: "probes", containerPort: PairedGatewayLayout.probePort),
      ],
      resources: AgentShare.envoy,
      startupProbe: .get("/ready", port: "probes", every: 1, failures: 60),
      livenessProbe: .get("/live", port: "probes", every: 10, failures: 3),
      readinessProbe: .get("/ready", port: "probes", every: 5, failures: 2),
      volumeMounts: [
        VolumeMount(name: "configuration", mountPath: PairedGatewayLayout.configuration, readOnly: true),
        VolumeMount(name: "runtime", mountPath: PairedGatewayLayout.runtime),
      ]
        + (credentialSecrets.isEmpty
          ? [] : [VolumeMount(name: "credentials", mountPath: PairedGatewayLayout.credentials, readOnly: true)]))
  }

  private var volumes: [PodTemplate.Volume] {
    var volumes = [
      PodTemplate.Volume(name: "configuration", configMap: PodTemplate.ConfigMapSource(name: names.gateway)),
      PodTemplate.Volume(name: "runtime", emptyDir: Documents.Volume.EmptyDir(medium: "Memory", sizeLimit: "1Mi")),
    ]
    if !credentialSecrets.isEmpty {
      volumes.append(
        PodTemplate.Volume(
          name: "credentials",
          csi: Documents.Volume.CSI(
            driver: secretsVolumeDriver, readOnly: true,
            volumeAttributes: ["secretProviderClass": names.credentials])))
    }
    return volumes
  }
}
