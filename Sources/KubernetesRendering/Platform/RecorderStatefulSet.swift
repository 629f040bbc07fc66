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
          ] + recorderArchiveClaim),
      ManifestFile("recorder/network.yaml", recorderNetwork),
    ]
  }

  static let recorderName = "recorder"
  private static let recorderPort: UInt16 = 8443
  private static let recorderTLS = "recorder-tls"
  private static let recorderAuthoritySecret = "recorder-ca"
  /// A ConfigMap that is made once, of what vouches for the recorder, in the sentinels' namespace.
  private static let recorderAuthority = "recorder-authority"
  private static let recorderArchive = "recorder-archive"
  private static let recorderArchiveDirectory = "/var/lib/lobstack-archive"
  /// Made by whoever runs the cluster: what checkpoints are signed with on their way to the witness.
  private static let recorderWitness = "recorder-witness"
  private static let recorderWitnessDirectory = "/etc/lobstack-witness"
  private static let recorderDirectory = "/var/run/secrets/recorder"

  private func recorderMeta(_ name: String = recorderName) -> ObjectMeta {
    Self.meta(name, in: namespaceNames.controlPlane, of: Self.recorderName)
  }

  private var recorderHost: String { "\(Self.recorderName).\(namespaceNames.controlPlane).svc" }

  // MARK: Rights

  /// It asks whose a token is, and on which node which Pod of an agent is: a sentinel is believed about those of its own.
  /// Who may read the audit log is for the control plane to ask.
  private var recorderAccess: [any ClusterObject] {
    let account = recorderMeta()
    let role = Role(
      metadata: Self.meta("lobstack-recorder", of: Self.recorderName),
      rules: [Role.Rule(apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"])])
    let pods = Role(
      metadata: Self.meta("lobstack-recorder-pods", of: Self.recorderName),
      rules: [Role.Rule(apiGroups: [""], resources: ["pods"], verbs: ["list", "watch"])])
    let auditor = Role(
      metadata: Self.meta("lobstack-auditor", of: Self.recorderName),
      rules: [Role.Rule(apiGroups: [AgentDefinition.group], resources: ["agents/audit"], verbs: ["get"])])
    return [
      ServiceAccount(metadata: account), role,
      RoleBinding(role.metadata.name, namespace: nil, role: role, accounts: [account]), auditor, pods,
    ] + agentNamespaces.map { RoleBinding(pods.metadata.name, namespace: $0, role: pods, accounts: [account]) }
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
            ] + recorderExtraVolumes)),
        volumeClaimTemplates: [
          StatefulSet.ClaimTemplate(
            metadata: StatefulSet.ClaimTemplate.Name(name: "records"),
            spec: PersistentVolumeClaimObject.Spec(
              storageClassName: retainedStorageClass,
              resources: PersistentVolumeClaimObject.Requests(requests: ["storage": "\(values.recorder.storage)"])))
        ]))
  }

  private var recorderExtraVolumes: [PodTemplate.Volume] {
    var volumes: [PodTemplate.Volume] = []
    if values.recorder.archive != nil {
      volumes.append(
        PodTemplate.Volume(
          name: "archive", persistentVolumeClaim: PodTemplate.Claim(claimName: Self.recorderArchive)))
    }
    if values.recorder.witness != nil {
      volumes.append(
        PodTemplate.Volume(
          name: "witness", secret: PodTemplate.SecretSource(secretName: Self.recorderWitness, defaultMode: 0o440)))
    }
    return volumes
  }

  /// Not of the StatefulSet's templates, which nobody can change afterwards.
  private var recorderArchiveClaim: [any ClusterObject] {
    guard let archive = values.recorder.archive else { return [] }
    return [
      PersistentVolumeClaimObject(
        metadata: recorderMeta(Self.recorderArchive),
        spec: PersistentVolumeClaimObject.Spec(
          storageClassName: retainedStorageClass,
          resources: PersistentVolumeClaimObject.Requests(requests: ["storage": "\(archive.storage)"])))
    ]
  }

  private var recorderExtraArguments: [String] {
    var arguments: [String] = []
    if let archive = values.recorder.archive {
      arguments += ["--archive", Self.recorderArchiveDirectory, "--archive-after", archive.after]
    }
    if let witness = values.recorder.witness {
      arguments += [
        "--audit-witness", witness.url, "--audit-witness-secret-file", "\(Self.recorderWitnessDirectory)/secret",
      ]
    }
    return arguments
  }

  private var recorderExtraMounts: [VolumeMount] {
    (values.recorder.archive == nil
      ? [] : [VolumeMount(name: "archive", mountPath: Self.recorderArchiveDirectory)])
      + (values.recorder.witness == nil
        ? [] : [VolumeMount(name: "witness", mountPath: Self.recorderWitnessDirectory, readOnly: true)])
  }

  private var recorderContainer: PodTemplate.Container {
    let (tls, records) = ("/etc/lobstack-tls", "/var/lib/lobstack")
    return PodTemplate.Container(
      name: Self.recorderName, image: values.images.lobstack,
      args: [
        "cluster-recorder", "--values", "/etc/lobstack/values.yaml", "--directory", records, "--listen",
        "0.0.0.0:\(Self.recorderPort)", "--probes", "0.0.0.0:\(Self.metricsPort)", "--cert", "\(tls)/tls.crt", "--key",
        "\(tls)/tls.key", "--log-format", "json",
      ] + recorderExtraArguments,
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
      ] + recorderExtraMounts)
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

  private var recorderWitnessEgress: [EgressRule] {
    guard let witness = values.recorder.witness else { return [] }
    let places = witness.addresses.map { NetworkPolicyPeer(ipBlock: IPBlock(cidr: $0)) }
    return [
      EgressRule(to: places, ports: [NetworkPolicyPort(protocol: "TCP", port: witness.port)]), nameServerEgress,
    ]
  }

  /// In from control planes and sentinels, out to the API server and to a witness; the control planes' and the sentinels' own ways to it.
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
          ], egress: [apiServerEgress] + recorderWitnessEgress)),
      NetworkPolicy(
        metadata: recorderMeta("control-plane-to-recorder"),
        spec: NetworkPolicySpec(podSelector: planes, policyTypes: [.egress], egress: [toIt])),
      NetworkPolicy(
        metadata: Self.meta("sentinel-to-recorder", in: namespaceNames.sentinel, of: Self.recorderName),
        spec: NetworkPolicySpec(podSelector: sentinels, policyTypes: [.egress], egress: [toIt, nameServerEgress])),
    ]
  }
}
