import Documents

// The profile without Gatekeeper: our own webhook, with the same templates and constraints.
extension Platform {
  private static let webhookName = "admission"
  private static let webhookPort: UInt16 = 8443
  private static let probePort: UInt16 = 8081

  func webhook() throws -> [ManifestFile] {
    let (root, authority) = (selfSigned, platformAuthority)
    return [
      ManifestFile("admission/policy.yaml", [templatesMap, try constraintsMap()]),
      ManifestFile(
        "admission/certificate.yaml", [root, rootCertificate(root), authority, servingCertificate(authority)]),
      ManifestFile(
        "admission/webhook.yaml",
        [
          ServiceAccount(metadata: webhookMeta()), webhookDeployment, webhookService,
          PodDisruptionBudget(
            metadata: webhookMeta(),
            spec: PodDisruptionBudget.Spec(minAvailable: 2, selector: Self.selector(Self.webhookName))),
          registration,
        ]),
    ]
  }

  private func webhookMeta(_ name: String = webhookName) -> ObjectMeta {
    Self.meta(name, in: namespaceNames.controlPlane, of: Self.webhookName)
  }

  // MARK: Policy

  private var templatesMap: ConfigMap {
    let files = texts.files(below: "gatekeeper/templates")
    return ConfigMap(
      metadata: webhookMeta("admission-templates"),
      data: Dictionary(files.map { (Self.fileName($0.path), $0.text) }) { first, _ in first })
  }

  /// Without the namespaces, which the webhook does not know: the API server selects them.
  private func constraintsMap() throws -> ConfigMap {
    let texts = try constraints(withNamespaces: false).map { constraint in
      ("\(constraint.metadata.name).yaml", try ManifestFile("", [constraint]).text())
    }
    return ConfigMap(
      metadata: webhookMeta("admission-constraints"), data: Dictionary(texts) { first, second in first + second })
  }

  private static func fileName(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

  // MARK: Certificates

  private static let tlsSecret = "admission-tls"
  private static let authoritySecret = "admission-ca"

  private var selfSigned: Issuer {
    Issuer(metadata: webhookMeta("admission-root"), spec: Issuer.Spec(selfSigned: .init()))
  }

  /// An authority of its own, so that the API server's trust stays as it is when the webhook's certificate is renewed.
  private func rootCertificate(_ issuer: Issuer) -> Certificate {
    Certificate(
      metadata: webhookMeta("admission-ca"),
      spec: Certificate.Spec(
        secretName: Self.authoritySecret, commonName: "lobstack admission", duration: "43800h", renewBefore: "8760h",
        isCA: true, usages: ["cert sign", "digital signature"], issuerRef: Certificate.Reference(issuer)))
  }

  var platformAuthority: Issuer {
    Issuer(
      metadata: webhookMeta("admission-ca"), spec: Issuer.Spec(ca: Issuer.Authority(secretName: Self.authoritySecret)))
  }

  private func servingCertificate(_ issuer: Issuer) -> Certificate {
    Certificate(
      metadata: webhookMeta(),
      spec: Certificate.Spec(
        secretName: Self.tlsSecret, dnsNames: ["\(Self.webhookName).\(namespaceNames.controlPlane).svc"],
        duration: "2160h", renewBefore: "720h", usages: ["digital signature", "server auth"],
        issuerRef: Certificate.Reference(issuer)))
  }

  // MARK: The program

  private var webhookDeployment: Deployment {
    let selector = Self.selector(Self.webhookName)
    let (policy, tls) = ("/etc/lobstack/policy", "/etc/lobstack/tls")
    let container = PodTemplate.Container(
      name: Self.webhookName, image: values.images.lobstack,
      args: [
        "admission", "serve", "--listen", "0.0.0.0:\(Self.webhookPort)", "--probes", "0.0.0.0:\(Self.probePort)",
        "--cert", "\(tls)/tls.crt", "--key", "\(tls)/tls.key", "--policy", policy,
      ],
      ports: [
        ContainerPort(name: "https", containerPort: Self.webhookPort),
        ContainerPort(name: "probes", containerPort: Self.probePort),
      ],
      resources: ResourceRequirements(
        requests: ["cpu": "100m", "memory": "64Mi"], limits: ["cpu": "1", "memory": "256Mi"]),
      startupProbe: .get("/readyz", port: "probes", every: 5, failures: 12),
      livenessProbe: .get("/healthz", port: "probes", every: 5, failures: 3),
      readinessProbe: .get("/readyz", port: "probes", every: 5, failures: 2),
      volumeMounts: [
        VolumeMount(name: "templates", mountPath: "\(policy)/templates", readOnly: true),
        VolumeMount(name: "constraints", mountPath: "\(policy)/constraints", readOnly: true),
        VolumeMount(name: "tls", mountPath: tls, readOnly: true),
      ])
    return Deployment(
      metadata: webhookMeta(),
      spec: Deployment.Spec(
        replicas: 3, selector: selector, strategy: .rolling,
        template: PodTemplate(
          metadata: PodTemplate.Metadata(labels: Self.labels(Self.webhookName)),
          spec: PodTemplate.Spec(
            serviceAccountName: Self.webhookName, automountServiceAccountToken: false,
            priorityClassName: Self.platformPriority, topologySpreadConstraints: Self.spread(selector, waits: false),
            terminationGracePeriodSeconds: 30, containers: [container],
            volumes: [
              PodTemplate.Volume(name: "templates", configMap: .init(name: templatesMap.metadata.name)),
              PodTemplate.Volume(name: "constraints", configMap: .init(name: "admission-constraints")),
              PodTemplate.Volume(name: "tls", secret: .init(secretName: Self.tlsSecret, defaultMode: 0o440)),
            ]))))
  }

  private var webhookService: Service {
    Service(
      metadata: webhookMeta(),
      spec: Service.Spec(
        selector: Self.selector(Self.webhookName).matchLabels ?? [:],
        ports: [Service.Port(name: "https", port: 443, targetPort: "https", appProtocol: "https")]))
  }

  /// Agents' namespaces alone: the webhook's own Pods must not wait for the webhook.
  private var registration: ValidatingWebhookConfiguration {
    var metadata = Self.meta("lobstack-admission", of: Self.webhookName)
    metadata.annotations = [
      "cert-manager.io/inject-ca-from": "\(namespaceNames.controlPlane)/\(Self.webhookName)"
    ]
    return ValidatingWebhookConfiguration(
      metadata: metadata,
      webhooks: [
        .init(
          name: "admission.lobstack.dev",
          clientConfig: .init(
            service: .init(
              name: Self.webhookName, namespace: namespaceNames.controlPlane, path: "/v1/admit", port: 443)),
          rules: [
            AdmissionRule(
              apiGroups: [""], resources: ["pods", "pods/ephemeralcontainers", "pods/resize"],
              operations: ["CREATE", "UPDATE"], scope: "Namespaced")
          ],
          namespaceSelector: .exists(tenantLabel), timeoutSeconds: 5)
      ])
  }

  // MARK: Network

  /// Reviews come from the API server; probes come from the node, which no policy stops.
  var webhookOpening: NetworkPolicy {
    NetworkPolicy(
      metadata: webhookMeta(),
      spec: NetworkPolicySpec(
        podSelector: Self.selector(Self.webhookName), policyTypes: [.ingress],
        ingress: [IngressRule(from: apiServers, ports: [NetworkPolicyPort(protocol: "TCP", port: Self.webhookPort)])]))
  }
}
