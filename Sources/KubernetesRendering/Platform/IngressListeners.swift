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

  /// Port 80: an ACME authority's questions while there are any, and the way to HTTPS. A Gateway of its own, so that no
  /// route of what is served by HTTPS is served without.
  var plainListener: IstioGateway {
    IstioGateway(
      metadata: gatewayMeta("gateway-plain"),
      spec: IstioGateway.Spec(
        selector: Self.selector(Self.gatewayName).matchLabels ?? [:],
        servers: [
          IstioGateway.Server(
            port: IstioGateway.Port(number: 80, name: "http", protocol: "HTTP"),
            hosts: ["\(namespaceNames.ingress)/\(values.domain)"])
        ]))
  }

  /// The routes of port 80 are always there, and lead to whatever Pods answer for cert-manager: so nothing has to serve
  /// the Ingress that it makes for a challenge, by which others could have requests sent to them, too.
  var plainRoutes: VirtualService {
    VirtualService(
      metadata: gatewayMeta("to-https"),
      spec: VirtualService.Spec(
        hosts: [values.domain], gateways: [plainListener.metadata.name],
        http: [
          VirtualService.Route(
            name: Self.solverName,
            // RFC 8555 §8.3.
            match: [VirtualService.Match(uri: VirtualService.Prefix(prefix: "/.well-known/acme-challenge/"))],
            route: [
              VirtualService.Target(
                destination: VirtualService.Destination(
                  host: Self.solverName, port: VirtualService.Port(number: Self.solverPort)))
            ]),
          VirtualService.Route(
            name: "to-https", redirect: VirtualService.Redirect(scheme: "https", redirectCode: 301)),
        ]))
  }

  /// Whatever Pods answer for cert-manager: it starts one for a challenge, by a Service of another name each time.
  var solverService: Service {
    Service(
      metadata: gatewayMeta(Self.solverName),
      spec: Service.Spec(
        type: "ClusterIP", selector: Self.selector(Self.solverName).matchLabels ?? [:],
        ports: [
          Service.Port(
            name: "http", port: Self.solverPort, targetPort: .number(Self.solverPort), appProtocol: "http")
        ]))
  }

  /// cert-manager's own, of the Pods that it starts for a challenge.
  static let solverPort: UInt16 = 8089
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
                ingress: .init(ingressClassName: Self.solverName, podTemplate: .init(metadata: .init(labels: labels)))))
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
