import AgentModel
import Documents

extension Platform {
  /// OpenBao, highly available by Raft.
  ///
  /// - Throws: `Fault(.invalid)` when a file of the policy is missing.
  func vault() throws -> [ManifestFile] {
    let configuration = VaultConfiguration(values: values, texts: texts)
    return [
      ManifestFile("vault/network.yaml", vaultNetwork), ManifestFile("vault/certificates.yaml", vaultCertificates),
      ManifestFile(
        "vault/configuration.yaml",
        [
          vaultConfigMap(VaultConfiguration.name, ["server.hcl": configuration.server]),
          // For people: 'kubectl create token' makes tokens for it.
          ServiceAccount(
            metadata: Self.meta(
              VaultConfiguration.operatorAccount, in: namespaceNames.vault, of: VaultConfiguration.name)),
        ]),
      ManifestFile(
        "vault/openbao.yaml", vaultAccess + vaultServices + [try vaultServers(configuration)] + vaultDisruption),
      ManifestFile(
        "vault/first-start.yaml",
        [vaultConfigMap(VaultConfiguration.firstStartName, try configuration.firstStart())], isApplied: false),
      try vaultChart(configuration), secretsProviderChart,
    ]
  }

  private var vaultMeta: ObjectMeta { Self.meta(VaultConfiguration.name, in: namespaceNames.vault) }

  private func vaultConfigMap(_ name: String, _ data: [String: String]) -> ConfigMap {
    ConfigMap(metadata: Self.meta(name, in: namespaceNames.vault, of: VaultConfiguration.name), data: data)
  }

  private var vaultAccess: [any ClusterObject] {
    let account = ServiceAccount(metadata: vaultMeta)
    let role = Role(
      metadata: Self.meta("lobstack-token-review", of: VaultConfiguration.name),
      rules: [Role.Rule(apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"], verbs: ["create"])])
    return [
      account, role, RoleBinding(role.metadata.name, namespace: nil, role: role, accounts: [account.metadata]),
    ]
  }

  private var vaultServices: [any ClusterObject] {
    let selector = Self.selector(VaultConfiguration.name).matchLabels ?? [:]
    let api = Service.Port(
      name: "https", port: VaultConfiguration.apiPort, targetPort: "api", protocol: "TCP", appProtocol: "https")
    return [
      Service(metadata: vaultMeta, spec: Service.Spec(selector: selector, ports: [api])),
      // By it the servers find each other before one of them is ready.
      Service(
        metadata: Self.meta(
          VaultConfiguration.headlessService, in: namespaceNames.vault, of: VaultConfiguration.name),
        spec: Service.Spec(
          clusterIP: "None", selector: selector,
          ports: [
            api,
            Service.Port(
              name: "tls-cluster", port: VaultConfiguration.clusterPort, targetPort: "cluster", protocol: "TCP",
              appProtocol: "tls"),
          ],
          publishNotReadyAddresses: true)),
    ]
  }

  /// A majority stays; a single server has none to spare, and no budget that would keep its node from being emptied.
  private var vaultDisruption: [any ClusterObject] {
    guard values.vault.replicas > 1 else { return [] }
    return [
      PodDisruptionBudget(
        metadata: vaultMeta,
        spec: PodDisruptionBudget.Spec(
          minAvailable: values.vault.replicas / 2 + 1, selector: Self.selector(VaultConfiguration.name)))
    ]
  }

  private func vaultServers(_ configuration: VaultConfiguration) throws -> StatefulSet {
    let selector = Self.selector(VaultConfiguration.name)
    return StatefulSet(
      metadata: vaultMeta,
      spec: StatefulSet.Spec(
        replicas: values.vault.replicas, serviceName: VaultConfiguration.headlessService,
        // After a failure of all of them none waits for another: a majority has to be there for one to be ready.
        podManagementPolicy: "Parallel",
        // One that has joined is counted on after ten seconds.
        minReadySeconds: 15, selector: selector, updateStrategy: StatefulSet.Update(type: "RollingUpdate"),
        persistentVolumeClaimRetentionPolicy: StatefulSet.Retention(whenDeleted: "Retain", whenScaled: "Retain"),
        template: PodTemplate(
          metadata: PodTemplate.Metadata(labels: Self.labels(VaultConfiguration.name)),
          spec: PodTemplate.Spec(
            serviceAccountName: VaultConfiguration.name, automountServiceAccountToken: false,
            priorityClassName: Self.platformPriority,
            topologySpreadConstraints: [
              PodTemplate.TopologySpread(
                topologyKey: WellKnownLabel.zone, whenUnsatisfiable: "ScheduleAnyway", labelSelector: selector)
            ],
            affinity: PodTemplate.Affinity(
              podAntiAffinity: PodTemplate.Affinity.AntiAffinity(requiredDuringSchedulingIgnoredDuringExecution: [
                PodTemplate.Affinity.Term(labelSelector: selector, topologyKey: WellKnownLabel.host)
              ])),
            terminationGracePeriodSeconds: 30, containers: [vaultContainer(configuration)],
            volumes: try vaultVolumes(configuration))),
        volumeClaimTemplates: [
          StatefulSet.ClaimTemplate(
            metadata: StatefulSet.ClaimTemplate.Name(name: "data"),
            spec: PersistentVolumeClaimObject.Spec(
              storageClassName: retainedStorageClass,
              resources: PersistentVolumeClaimObject.Requests(requests: ["storage": "\(values.vault.storage)"])))
        ]))
  }

  private func vaultContainer(_ configuration: VaultConfiguration) -> PodTemplate.Container {
    let host = configuration.host(of: "$(POD_NAME)")
    func name(_ variable: String) -> PodTemplate.Variable {
      PodTemplate.Variable(
        name: variable,
        valueFrom: PodTemplate.Variable.Source(fieldRef: PodTemplate.Variable.Field(fieldPath: "metadata.name")))
    }
    func health(_ query: String, every period: Int, failures: Int) -> PodTemplate.Probe {
      .get("/v1/sys/health?\(query)", port: "api", scheme: "HTTPS", every: period, failures: failures)
    }
    // Sealed by people, or waiting for the first one: nothing that a restart would mend.
    let alive = "standbyok=true&sealedcode=204&uninitcode=204"
    return PodTemplate.Container(
      name: VaultConfiguration.name, image: values.images.openbao,
      command: ["bao", "server", "-config=\(VaultConfiguration.directory)/$(POD_NAME)"],
      env: [
        name("POD_NAME"), name("BAO_RAFT_NODE_ID"),
        PodTemplate.Variable(name: "BAO_API_ADDR", value: "https://\(host):\(VaultConfiguration.apiPort)"),
        PodTemplate.Variable(name: "BAO_CLUSTER_ADDR", value: "https://\(host):\(VaultConfiguration.clusterPort)"),
        PodTemplate.Variable(name: "BAO_LOG_FORMAT", value: "json"), PodTemplate.Variable(name: "HOME", value: "/tmp"),
      ],
      ports: [
        ContainerPort(name: "api", containerPort: VaultConfiguration.apiPort),
        ContainerPort(name: "cluster", containerPort: VaultConfiguration.clusterPort),
      ],
      resources: Self.vaultResources,
      startupProbe: health(alive, every: 5, failures: 24), livenessProbe: health(alive, every: 10, failures: 6),
      readinessProbe: health("standbyok=true", every: 5, failures: 2), volumeMounts: vaultMounts(configuration))
  }

  func vaultMounts(_ configuration: VaultConfiguration) -> [VolumeMount] {
    var mounts = [
      VolumeMount(name: "platform", mountPath: VaultConfiguration.directory, readOnly: true),
      VolumeMount(name: "data", mountPath: VaultConfiguration.dataDirectory),
      VolumeMount(name: "tls", mountPath: VaultConfiguration.certificateDirectory, readOnly: true),
      VolumeMount(name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true),
      // Snapshots on their way out and in.
      VolumeMount(name: "tmp", mountPath: "/tmp"),
    ]
    if configuration.isSealedByFile {
      mounts.append(VolumeMount(name: "seal", mountPath: VaultConfiguration.sealDirectory, readOnly: true))
    }
    return mounts
  }

  static let vaultResources = ResourceRequirements(
    requests: ["cpu": "250m", "memory": "256Mi"], limits: ["cpu": "2", "memory": "1Gi"])

  func vaultVolumes(_ configuration: VaultConfiguration) throws -> [PodTemplate.Volume] {
    typealias Source = PodTemplate.Projected.Source
    let groupReads = 0o440
    var volumes = [
      PodTemplate.Volume(
        name: "platform",
        projected: PodTemplate.Projected(sources: try configuration.sources(), defaultMode: groupReads)),
      PodTemplate.Volume(
        name: "tls",
        secret: PodTemplate.SecretSource(
          secretName: VaultConfiguration.certificateSecret, defaultMode: groupReads)),
      // With it OpenBao asks the API server whose token it was given.
      PodTemplate.Volume(
        name: "token",
        projected: PodTemplate.Projected(
          sources: [
            Source(serviceAccountToken: PodTemplate.Projected.Token(expirationSeconds: 3600, path: "token")),
            Source(
              configMap: PodTemplate.Projected.ConfigMap(
                name: "kube-root-ca.crt", items: [PodTemplate.KeyPath(key: "ca.crt", path: "ca.crt")])),
          ],
          defaultMode: groupReads)),
      PodTemplate.Volume(name: "tmp", emptyDir: Documents.Volume.EmptyDir(sizeLimit: "2Gi")),
    ]
    if configuration.isSealedByFile {
      volumes.append(
        PodTemplate.Volume(
          name: "seal",
          secret: PodTemplate.SecretSource(secretName: VaultConfiguration.sealSecret, defaultMode: groupReads)))
    }
    return volumes
  }
}
