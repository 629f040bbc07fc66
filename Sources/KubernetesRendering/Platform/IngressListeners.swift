import Documents

// What the gateway listens for, and with which certificate.
extension Platform {
  private static let certificateSecret = "gateway-certificate"

  /// Only VirtualServices of the platform's own namespaces are served: no tenant takes requests that are not for it.
  var secureListener: IstioGateway {
    IstioGateway(
      metadata: gatewayMeta(),
      spec: IstioGateway.Spec(
        selector: Self.selector(Self.gatewayName).matchLabels ?? [:],
        servers: [
          IstioGateway.Server(
            port: IstioGateway.Port(number: 443, name: "https", protocol: "HTTPS"),
            hosts: [namespaceNames.controlPlane, namespaceNames.ingress].map { "\($0)/\(values.domain)" },
            tls: IstioGateway.TLS(credentialName: Self.certificateSecret))
        ]))
  }

  /// Port 80: an ACME authority's questions while there are any, and the way to HTTPS. Its routes are of the Gateway API,
  /// because cert-manager makes those for one Gateway that is named; an Ingress would need the mesh's own configuration to
  /// say which proxies serve it.
  var plainListener: HTTPGateway {
    HTTPGateway(
      metadata: gatewayMeta("gateway-plain"),
      spec: HTTPGateway.Spec(
        gatewayClassName: "istio",
        addresses: [
          HTTPGateway.Address(value: "\(Self.gatewayName).\(namespaceNames.ingress).svc.cluster.local")
        ],
        listeners: [HTTPGateway.Listener(name: "http", hostname: values.domain, port: 80)]))
  }

  var redirect: RedirectRoute {
    RedirectRoute(metadata: gatewayMeta("to-https"), parent: plainParent, host: values.domain)
  }

  private var plainParent: ParentReference {
    ParentReference(
      name: plainListener.metadata.name, namespace: namespaceNames.ingress, sectionName: "http")
  }

  static let solverName = "acme-solver"

  static let issuerName = "lobstack-acme"

  /// For our domain and no other, and by a guard for the gateway's namespace and no other: an authority that has once seen
  /// whose the domain is gives certificates without looking again, and others could have one with a key of theirs.
  var issuer: Issuer {
    var labels = Self.labels(Self.solverName)
    labels["sidecar.istio.io/inject"] = "false"
    return Issuer(
      metadata: Self.meta(Self.issuerName, of: Self.gatewayName),
      spec: Issuer.Spec(
        acme: Issuer.ACME(
          server: values.acme.server, email: values.acme.email,
          privateKeySecretRef: ["name": "lobstack-acme-account"],
          solvers: [
            Issuer.Solver(
              selector: .init(dnsNames: [values.domain]),
              http01: .init(
                gatewayHTTPRoute: .init(
                  parentRefs: [plainParent], podTemplate: .init(metadata: .init(labels: labels)))))
          ])))
  }

  /// Renewed at 60 of 90 days.
  var certificate: Certificate {
    Certificate(
      metadata: gatewayMeta(),
      spec: Certificate.Spec(
        secretName: Self.certificateSecret, dnsNames: [values.domain], duration: "2160h", renewBefore: "720h",
        usages: ["digital signature", "server auth"], issuerRef: Certificate.Reference(issuer)))
  }
}
