import Documents

extension Platform {
  /// An authority of the servers' own, which signs itself: only their clients need to know it.
  var vaultCertificates: [any ClusterObject] {
    func meta(_ name: String) -> ObjectMeta { Self.meta(name, in: namespaceNames.vault, of: VaultConfiguration.name) }
    let (selfSigned, authority) = ("openbao-self-signed", "openbao-authority")
    let (service, headless) = (VaultConfiguration.name, VaultConfiguration.headlessService)
    let namespace = namespaceNames.vault
    let root = Issuer(metadata: meta(selfSigned), spec: Issuer.Spec(selfSigned: Issuer.SelfSigned()))
    let issuer = Issuer(metadata: meta(authority), spec: Issuer.Spec(ca: Issuer.Authority(secretName: authority)))
    return [
      root,
      Certificate(
        metadata: meta(authority),
        spec: Certificate.Spec(
          secretName: authority, commonName: "Lobstack OpenBao authority", duration: "87600h", renewBefore: "8760h",
          isCA: true, usages: ["cert sign", "crl sign"], issuerRef: Certificate.Reference(root))),
      issuer,
      // OpenBao reads it at its start alone, so that it is renewed months before it ends.
      Certificate(
        metadata: meta(service),
        spec: Certificate.Spec(
          secretName: VaultConfiguration.certificateSecret,
          dnsNames: [
            service, "\(service).\(namespace)", "\(service).\(namespace).svc",
            "\(service).\(namespace).svc.cluster.local", "*.\(headless).\(namespace).svc", "localhost",
          ],
          duration: "8760h", renewBefore: "2920h", usages: ["server auth"],
          issuerRef: Certificate.Reference(issuer))),
    ]
  }

  /// Who reaches the servers, and whom they reach.
  var vaultNetwork: [any ClusterObject] {
    let servers = Self.selector(VaultConfiguration.name)
    let api = NetworkPolicyPort(protocol: "TCP", port: VaultConfiguration.apiPort)
    let cluster = NetworkPolicyPort(protocol: "TCP", port: VaultConfiguration.clusterPort)
    let peers = NetworkPolicyPeer(podSelector: servers)
    let clients =
      Self.vaultClients.map { name in
        NetworkPolicyPeer(
          podSelector: Self.selector(name), namespaceSelector: Self.namespaceSelector(namespaceNames.controlPlane))
      } + [
        // What brings secrets into the Pods of agents and their gateways, as that agent. The Pods themselves stay outside.
        NetworkPolicyPeer(
          podSelector: LabelSelector(matchLabels: ["app.kubernetes.io/name": "openbao-csi-provider"]),
          namespaceSelector: Self.namespaceSelector("kube-system"))
      ]
    let ways = Self.vaultClients.map { name in
      NetworkPolicy(
        metadata: Self.meta("\(name)-to-vault", in: namespaceNames.controlPlane, of: "network"),
        spec: NetworkPolicySpec(
          podSelector: Self.selector(name), policyTypes: [.egress],
          egress: [
            EgressRule(
              to: [
                NetworkPolicyPeer(
                  podSelector: servers, namespaceSelector: Self.namespaceSelector(namespaceNames.vault))
              ], ports: [api])
          ]))
    }
    return ways + [
      Self.closed(namespaceNames.vault),
      NetworkPolicy(
        metadata: Self.meta(VaultConfiguration.name, in: namespaceNames.vault),
        spec: NetworkPolicySpec(
          podSelector: servers, policyTypes: [.ingress, .egress],
          ingress: [IngressRule(from: clients, ports: [api]), IngressRule(from: [peers], ports: [api, cluster])],
          egress: [EgressRule(to: [peers], ports: [api, cluster]), nameServerEgress, apiServerEgress])),
    ]
  }

  /// Where programs of the platform reach the servers.
  var vaultAddress: String {
    "https://\(VaultConfiguration.name).\(namespaceNames.vault).svc:\(VaultConfiguration.apiPort)"
  }

  static let vaultDirectory = "/var/run/secrets/openbao"
  /// A ConfigMap that is made once, of what vouches for the servers, in the namespaces of who reaches them.
  static let vaultAuthority = "openbao-authority"

  /// What a program logs in with, in the directory `vaultDirectory`: `token`, and `ca.crt` as soon as it is there.
  var vaultLogin: PodTemplate.Volume {
    typealias Source = PodTemplate.Projected.Source
    return PodTemplate.Volume(
      name: "vault",
      projected: PodTemplate.Projected(sources: [
        Source(
          serviceAccountToken: PodTemplate.Projected.Token(audience: "openbao", expirationSeconds: 3600, path: "token")),
        Source(
          configMap: PodTemplate.Projected.ConfigMap(
            name: Self.vaultAuthority, items: [PodTemplate.KeyPath(key: "ca.crt", path: "ca.crt")], optional: true)),
      ]))
  }

  /// Programs of the control plane's namespace that log in, by their names and those of their service accounts; as
  /// policy/vault/kubernetes.hcl has them.
  static let vaultClients = ["control-plane", "operator"]

  static func namespaceSelector(_ name: String) -> LabelSelector {
    LabelSelector(matchLabels: [WellKnownLabel.namespace: name])
  }

  /// The cluster's name server.
  static let clusterNames = NetworkPolicyPeer(
    podSelector: LabelSelector(matchLabels: ["k8s-app": "kube-dns"]),
    namespaceSelector: namespaceSelector("kube-system"))

  /// To the cluster's name server.
  var nameServerEgress: EgressRule {
    EgressRule(
      to: [Self.clusterNames], ports: ["UDP", "TCP"].map { NetworkPolicyPort(protocol: $0, port: 53) })
  }

  /// To the cluster's API: the address of its Service, and where that leads, as some networks look at the one and some
  /// at the other.
  var apiServerEgress: EgressRule {
    EgressRule(
      to: apiServers,
      ports: Set([443, values.network.apiServerPort]).sorted().map { NetworkPolicyPort(protocol: "TCP", port: $0) })
  }
}
