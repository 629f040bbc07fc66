import Documents

extension Platform {
  /// Who judges Pods before they exist: Gatekeeper, or our own webhook where there is none.
  func admission() throws -> [ManifestFile] {
    [admissionGuards] + (try values.profile == .full ? gatekeeper() : webhook())
  }

  private func gatekeeper() throws -> [ManifestFile] {
    texts.files(below: "gatekeeper/templates").map { file in
      ManifestFile("admission/templates/\(file.path.split(separator: "/").last ?? "")", text: file.text)
    } + [
      ManifestFile("admission/config.yaml", [gatekeeperConfig]),
      // Their kinds are there when Gatekeeper has seen the templates.
      ManifestFile("\(PlatformManifests.constraintsDirectory)/constraints.yaml", try constraints(withNamespaces: true)),
      ManifestFile("helm/gatekeeper-values.yaml", text: gatekeeperValues, isApplied: false),
    ]
  }

  /// Without these a cluster cannot start its network while Gatekeeper is down, nor Gatekeeper itself.
  private var exempt: [String] { ["kube-system", namespaceNames.gatekeeper] }

  private var gatekeeperConfig: GatekeeperConfig {
    GatekeeperConfig(
      metadata: Self.meta("config", in: namespaceNames.gatekeeper, of: "admission"),
      spec: GatekeeperConfig.Spec(
        match: [GatekeeperConfig.Match(excludedNamespaces: exempt)],
        sync: GatekeeperConfig.Sync(syncOnly: [GatekeeperConfig.Kind(kind: "Namespace"), .init(kind: "Pod")])))
  }

  private var gatekeeperValues: String {
    """
    # Values of Gatekeeper's chart (3.23): helm install gatekeeper gatekeeper/gatekeeper \\
    #   --namespace \(namespaceNames.gatekeeper) --create-namespace --values gatekeeper-values.yaml
    replicas: 3
    pdb:
      controllerManager:
        minAvailable: 2
    # Gatekeeper lets everything pass while it is down, unless it is told not to.
    validatingWebhookFailurePolicy: Fail
    validatingWebhookCheckIgnoreFailurePolicy: Fail
    validatingWebhookTimeoutSeconds: 5
    # Pods and nothing else: what waits for Gatekeeper does not start while Gatekeeper is down.
    validatingWebhookCustomRules:
      - apiGroups: [""]
        apiVersions: [v1]
        operations: [CREATE, UPDATE]
        resources: [pods, pods/ephemeralcontainers, pods/resize]
        scope: Namespaced
    validatingWebhookExemptNamespacesLabels:
      kubernetes.io/metadata.name: [kube-system]
    # No namespace may exempt itself by the label admission.gatekeeper.sh/ignore.
    controllerManager:
      exemptNamespaces: []
      exemptNamespacePrefixes: []
      tlsMinVersion: 1.3
      topologySpreadConstraints:
        - maxSkew: 1
          topologyKey: \(WellKnownLabel.zone)
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              gatekeeper.sh/operation: webhook
    # Nothing of ours mutates.
    disableMutation: true
    enableExternalData: false
    auditFromCache: true
    auditInterval: 60
    logDenies: true

    """
  }
}
