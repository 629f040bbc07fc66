import AgentModel
import Documents

/// What keeps the audit log and alerts: one writer on one volume, so that there is one log.
extension Platform {
  var recorderFiles: [ManifestFile] {
    [
      ManifestFile("recorder/access.yaml", recorderAccess),
      ManifestFile("recorder/certificate.yaml", recorderCertificates),
      ManifestFile(
        "recorder/recorder.yaml",
        [recorderService]
          + (values.profile == .full ? [metrics(of: Self.recorderName, in: namespaceNames.controlPlane)] : []) + [
            recorderStatefulSet
          ]),
      ManifestFile("recorder/network.yaml", recorderNetwork),
    ]
  }

  static let recorderName = "recorder"
  private static let recorderPort: UInt16 = 8443
  private static let recorderTLS = "recorder-tls"
  private static let recorderAuthoritySecret = "recorder-ca"
  /// A ConfigMap that is made once, of what vouches for the recorder, in the sentinels' namespace.
  private static let recorderAuthority = "recorder-authority"
  private static let recorderDirectory = "/var/run/secrets/recorder"

  private func recorderMeta(_ name: String = recorderName) -> ObjectMeta {
    Self.meta(name, in: namespaceNames.controlPlane, of: Self.recorderName)
  }

  private var recorderHost: String { "\(Self.recorderName).\(namespaceNames.controlPlane).svc" }

  // MARK: Rights

  /// It asks whose a token is, and nothing else. Who may read the audit log is for the control plane to ask.
  private var recorderAccess: [any ClusterObject] {
    let account = recorderMeta()
    let role = Role(
      metadata: Self.meta("lobstack-recorder", of: Self.recorderName),
      rules: [Role.Rule(apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"])])
    let auditor = Role(
      metadata: Self.meta("lobstack-auditor", of: Self.recorderName),
      rules: [Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/audit"], verbs: ["get"])])
    return [
      ServiceAccount(metadata: account), role,
      RoleBinding(role.metadata.name, namespace: nil, role: role, accounts: [account]), auditor,
    ]
  }

  // MARK: Certificates

  /// An authority of its own: sentinels trust it for the recorder, and nobody for anything else.
  private var recorderCertificates: [any ClusterObject] {
    let root = Issuer(metadata: recorderMeta("recorder-root"), spec: Issuer.Spec(selfSigned: Issuer.SelfSigned()))
    let authority = Issuer(
      metadata: recorderMeta(Self.recorderAuthoritySecret),
      spec: Issuer.Spec(ca: Issuer.Authority(secretName: Self.recorderAuthoritySecret)))
    return [
      root,
      Certificate(
        metadata: recorderMeta(Self.recorderAuthoritySecret),
        spec: Certificate.Spec(
          secretName: Self.recorderAuthoritySecret, commonName: "lobstack recorder", duration: "87600h",
          renewBefore: "8760h", isCA: true, usages: ["cert sign", "digital signature"],
          issuerRef: Certificate.Reference(root))),
      authority,
      Certificate(
        metadata: recorderMeta(),
        spec: Certificate.Spec(
          secretName: Self.recorderTLS, dnsNames: [recorderHost], duration: "2160h", renewBefore: "720h",
          usages: ["digital signature", "server auth"], issuerRef: Certificate.Reference(authority))),
    ]
  }

  // MARK: The program

  private var recorderService: Service {
    Service(
      metadata: recorderMeta(),
      spec: Service.Spec(
        selector: Self.selector(Self.recorderName).matchLabels ?? [:],
        ports: [Service.Port(name: "https", port: 443, targetPort: "https", appProtocol: "https")]))
  }

  private var recorderStatefulSet: StatefulSet {
    StatefulSet(
      metadata: recorderMeta(),
      spec: StatefulSet.Spec(
        replicas: 1, serviceName: Self.recorderName, podManagementPolicy: "Parallel", minReadySeconds: 0,
        selector: Self.selector(Self.recorderName), updateStrategy: StatefulSet.Update(type: "RollingUpdate"),
        persistentVolumeClaimRetentionPolicy: StatefulSet.Retention(whenDeleted: "Retain", whenScaled: "Retain"),
        template: PodTemplate(
          metadata: PodTemplate.Metadata(
            // Outside the mesh, as the sentinels are that call it: it speaks TLS itself, and asks for tokens.
            labels: Self.labels(Self.recorderName).merging(
              values.profile == .full ? [AgentLabel.sidecar: "false"] : [:]
            ) { $1 },
            annotations: ["lobstack.dev/configuration": shortDigest(valuesText)]),
          spec: PodTemplate.Spec(
            serviceAccountName: Self.recorderName, automountServiceAccountToken: true,
            priorityClassName: Self.platformPriority, terminationGracePeriodSeconds: 30,
            containers: [recorderContainer],
            volumes: [
              PodTemplate.Volume(
                name: "configuration",
                configMap: PodTemplate.ConfigMapSource(
                  name: Self.operatorName, items: [PodTemplate.KeyPath(key: "values.yaml", path: "values.yaml")])),
              PodTemplate.Volume(
                name: "tls", secret: PodTemplate.SecretSource(secretName: Self.recorderTLS, defaultMode: 0o440)),
            ])),
        volumeClaimTemplates: [
          StatefulSet.ClaimTemplate(
            metadata: StatefulSet.ClaimTemplate.Name(name: "records"),
            spec: PersistentVolumeClaimObject.Spec(
              storageClassName: retainedStorageClass,
              resources: PersistentVolumeClaimObject.Requests(requests: ["storage": "\(values.recorder.storage)"])))
        ]))
  }

  private var recorderContainer: PodTemplate.Container {
    let (tls, records) = ("/etc/lobstack-tls", "/var/lib/lobstack")
    return PodTemplate.Container(
      name: Self.recorderName, image: values.images.lobstack,
      args: [
        "cluster-recorder", "--values", "/etc/lobstack/values.yaml", "--directory", records, "--listen",
        "0.0.0.0:\(Self.recorderPort)", "--probes", "0.0.0.0:\(Self.metricsPort)", "--cert", "\(tls)/tls.crt", "--key",
        "\(tls)/tls.key", "--log-format", "json",
      ],
      ports: [
        ContainerPort(name: "https", containerPort: Self.recorderPort),
        ContainerPort(name: Self.metricsPortName, containerPort: Self.metricsPort),
      ],
      resources: ResourceRequirements(
        requests: ["cpu": "100m", "memory": "128Mi"], limits: ["cpu": "2", "memory": "1Gi"]),
      // It reads all of its log before it serves.
      startupProbe: .get("/healthz", port: Self.metricsPortName, every: 5, failures: 120),
      livenessProbe: .get("/healthz", port: Self.metricsPortName, every: 10, failures: 6),
      readinessProbe: .get("/readyz", port: Self.metricsPortName, every: 5, failures: 2),
      volumeMounts: [
        VolumeMount(name: "configuration", mountPath: "/etc/lobstack", readOnly: true),
        VolumeMount(name: "tls", mountPath: tls, readOnly: true),
        VolumeMount(name: "records", mountPath: records),
      ])
  }

  // MARK: Who calls it

  /// The options of a program that calls it, which has the volume of `recorderLogin`.
  var recorderArguments: [String] {
    [
      "--recorder", "https://\(recorderHost)", "--recorder-ca", "\(Self.recorderDirectory)/ca.crt", "--recorder-token",
      "\(Self.recorderDirectory)/token",
    ]
  }

  var recorderMount: VolumeMount {
    VolumeMount(name: Self.recorderName, mountPath: Self.recorderDirectory, readOnly: true)
  }

  /// A token for it, and what vouches for it: of its own Secret in its namespace, of a ConfigMap in another.
  func recorderLogin(inNamespaceOfRecorder isInside: Bool) -> PodTemplate.Volume {
    typealias Source = PodTemplate.Projected.Source
    let authority = [PodTemplate.KeyPath(key: "ca.crt", path: "ca.crt")]
    return PodTemplate.Volume(
      name: Self.recorderName,
      projected: PodTemplate.Projected(sources: [
        Source(
          serviceAccountToken: PodTemplate.Projected.Token(
            audience: RecorderLayout.audience, expirationSeconds: 3600, path: "token")),
        isInside
          ? Source(secret: PodTemplate.Projected.Secret(name: Self.recorderTLS, items: authority))
          : Source(
            configMap: PodTemplate.Projected.ConfigMap(name: Self.recorderAuthority, items: authority, optional: true)),
      ]))
  }

  /// In from control planes and sentinels, out to the API server; the control planes' and the sentinels' own ways to it.
  private var recorderNetwork: [any ClusterObject] {
    let port = NetworkPolicyPort(protocol: "TCP", port: Self.recorderPort)
    let planes = Self.selector(Self.controlPlaneName)
    let sentinels = Self.selector(Self.sentinelName)
    let toIt = EgressRule(
      to: [
        NetworkPolicyPeer(
          podSelector: Self.selector(Self.recorderName),
          namespaceSelector: Self.namespaceSelector(namespaceNames.controlPlane))
      ], ports: [port])
    return [
      NetworkPolicy(
        metadata: recorderMeta(),
        spec: NetworkPolicySpec(
          podSelector: Self.selector(Self.recorderName), policyTypes: [.ingress, .egress],
          ingress: [
            IngressRule(
              from: [
                NetworkPolicyPeer(podSelector: planes),
                NetworkPolicyPeer(
                  podSelector: sentinels, namespaceSelector: Self.namespaceSelector(namespaceNames.sentinel)),
              ], ports: [port])
          ], egress: [apiServerEgress])),
      NetworkPolicy(
        metadata: recorderMeta("control-plane-to-recorder"),
        spec: NetworkPolicySpec(podSelector: planes, policyTypes: [.egress], egress: [toIt])),
      NetworkPolicy(
        metadata: Self.meta("sentinel-to-recorder", in: namespaceNames.sentinel, of: Self.recorderName),
        spec: NetworkPolicySpec(podSelector: sentinels, policyTypes: [.egress], egress: [toIt, nameServerEgress])),
    ]
  }
}
