import Documents

extension Platform {
  /// Values for OpenBao's own Helm chart, for who has it run the servers instead of `vault/openbao.yaml`. The rest of
  /// `vault/` stays as it is: the chart's Pods read the same configuration.
  func vaultChart(_ configuration: VaultConfiguration) throws -> ManifestFile {
    let image = values.images.openbao
    let registry = image.prefix { $0 != "/" }
    let tag = image.split(separator: ":").last ?? ""
    let health = "/v1/sys/health?standbyok=true"
    // What the chart does not mount by itself.
    let own = ["data", "token"]
    let mounts = vaultMounts(configuration).filter { !own.contains($0.name) }
    let server = VaultChart.Server(
      image: VaultChart.Image(
        registry: "\(registry)", repository: "\(image.dropFirst(registry.count + 1).dropLast(tag.count + 1))",
        tag: "\(tag)"),
      resources: Self.vaultResources, priorityClassName: Self.platformPriority,
      extraLabels: ["app.kubernetes.io/part-of": "lobstack"],
      // Kubernetes, not the shell, puts the name in.
      extraArgs: "-config=\(VaultConfiguration.directory)/$(BAO_K8S_POD_NAME)",
      readinessProbe: VaultChart.Probe(path: health),
      livenessProbe: VaultChart.Probe(path: "\(health)&sealedcode=204&uninitcode=204"),
      volumes: try vaultVolumes(configuration).filter { !own.contains($0.name) }, volumeMounts: mounts,
      dataStorage: VaultChart.Data(size: "\(values.vault.storage)", storageClass: retainedStorageClass),
      ha: VaultChart.HighAvailability(
        replicas: values.vault.replicas,
        apiAddr: "https://\(configuration.host(of: "$(BAO_K8S_POD_NAME)")):\(VaultConfiguration.apiPort)",
        raft: VaultChart.Raft()))
    return ManifestFile(
      "helm/openbao-values.yaml",
      configuration: VaultChart(fullnameOverride: VaultConfiguration.name, server: server), .yaml)
  }
}

extension Platform {
  /// Values for the same chart once more, in the namespace `kube-system`, for the provider of OpenBao's that brings secrets
  /// into Pods: where the servers are, and who vouches for them.
  var secretsProviderChart: ManifestFile {
    let directory = "/openbao/authority"
    return ManifestFile(
      "helm/openbao-csi-values.yaml",
      configuration: SecretsProviderChart(
        csi: SecretsProviderChart.Provider(
          priorityClassName: "system-node-critical",
          extraArgs: ["-openbao-addr=\(vaultAddress)", "-openbao-tls-ca-cert=\(directory)/ca.crt"],
          volumes: [
            PodTemplate.Volume(
              name: "authority",
              configMap: PodTemplate.ConfigMapSource(
                name: Self.vaultAuthority, items: [PodTemplate.KeyPath(key: "ca.crt", path: "ca.crt")]))
          ], volumeMounts: [VolumeMount(name: "authority", mountPath: directory, readOnly: true)])), .yaml)
  }
}

/// The values of the same chart that make it install the provider and nothing else.
fileprivate struct SecretsProviderChart: Encodable, Sendable {
  let server = VaultChart.Switch(enabled: false)
  let injector = VaultChart.Switch(enabled: false)
  var csi: Provider

  struct Provider: Encodable, Sendable {
    let enabled = true
    /// Each mount logs in as its own Pod's account: nothing is kept between them.
    let agent = VaultChart.Switch(enabled: false)
    var priorityClassName: String
    var extraArgs: [String]
    var volumes: [PodTemplate.Volume]
    var volumeMounts: [VolumeMount]
  }
}

/// The values of the chart `openbao` of openbao.github.io/openbao-helm that differ from its own.
fileprivate struct VaultChart: Encodable, Sendable {
  var global = Global()
  var fullnameOverride: String
  var injector = Switch(enabled: false)
  var server: Server

  struct Global: Encodable, Sendable {
    var tlsDisable = false
  }

  struct Switch: Encodable, Sendable {
    var enabled: Bool
  }

  struct Image: Encodable, Sendable {
    var registry: String
    var repository: String
    var tag: String
  }

  struct Probe: Encodable, Sendable {
    var enabled = true
    var path: String
  }

  struct Data: Encodable, Sendable {
    var size: String
    var storageClass: String
  }

  struct HighAvailability: Encodable, Sendable {
    var enabled = true
    var replicas: Int
    var apiAddr: String
    var raft: Raft
  }

  struct Raft: Encodable, Sendable {
    var enabled = true
    var setNodeId = true
    var config = "# It is all in the directory that extraArgs names.\n"
  }

  struct Server: Encodable, Sendable {
    var image: Image
    var updateStrategyType = "RollingUpdate"
    var podManagementPolicy = "Parallel"
    var logFormat = "json"
    var resources: ResourceRequirements
    var priorityClassName: String
    var extraLabels: [String: String]
    var extraArgs: String
    var readinessProbe: Probe
    var livenessProbe: Probe
    var volumes: [PodTemplate.Volume]
    var volumeMounts: [VolumeMount]
    var dataStorage: Data
    var persistentVolumeClaimRetentionPolicy = StatefulSet.Retention(whenDeleted: "Retain", whenScaled: "Retain")
    var networkPolicy = Switch(enabled: false)
    var standalone = Switch(enabled: false)
    var ha: HighAvailability
    var statefulSet = Pods()
  }

  struct Pods: Encodable, Sendable {
    var securityContext = Security()
  }

  /// Without it the namespace's Pod Security refuses the chart's Pods.
  struct Security: Encodable, Sendable {
    var pod = PodTemplate.PodSecurity()
    var container = PodTemplate.Security()
  }
}
