import Documents

// By which ways the control plane is reached.
extension Platform {
  static let controlPlaneTLS = "control-plane-tls"

  private func controlPlaneMeta(_ name: String = controlPlaneName) -> ObjectMeta {
    Self.meta(name, in: namespaceNames.controlPlane, of: Self.controlPlaneName)
  }

  /// All that the public gateway serves, by the mesh's mutual TLS: requests to agents, and the rest. In one object, since
  /// Istio leaves it open which of two is looked at first.
  var controlPlaneRoute: VirtualService {
    func route(_ program: String, _ match: [VirtualService.Match]? = nil) -> VirtualService.Route {
      VirtualService.Route(
        name: program, match: match,
        route: [
          VirtualService.Target(
            destination: VirtualService.Destination(
              host: "\(program).\(namespaceNames.controlPlane).svc.cluster.local",
              port: VirtualService.Port(number: 80)))
        ])
    }
    var agents = route(
      Self.agentIngressName, [VirtualService.Match(uri: VirtualService.Prefix(prefix: "/agents/"))])
    // What an agent was asked may have been done already.
    agents.retries = VirtualService.Retries(attempts: 0)
    return VirtualService(
      metadata: gatewayMeta(Self.controlPlaneName),
      spec: VirtualService.Spec(
        hosts: [values.domain], gateways: [Self.gatewayName],
        http: (agentIngress == nil ? [] : [agents]) + [route(Self.controlPlaneName)]))
  }

  /// The public gateway, who asks about requests to agents, and nobody else in the mesh.
  var controlPlaneCallers: AuthorizationPolicy {
    AuthorizationPolicy(
      metadata: controlPlaneMeta(),
      spec: AuthorizationPolicySpec(
        selector: Self.selector(Self.controlPlaneName),
        rules: [
          AuthorizationRule(
            from: [
              AuthorizationRule.From(
                source: AuthorizationRule.Source(
                  principals: [
                    values.account(Self.gatewayName, in: namespaceNames.ingress),
                    values.account(Self.agentIngressName, in: namespaceNames.controlPlane),
                  ]))
            ],
            to: [AuthorizationRule.To(operation: .init(ports: ["\(Self.controlPlanePort)"]))])
        ]))
  }

  /// Without a mesh it speaks TLS itself, by the authority that vouches for the platform's webhook.
  var controlPlaneCertificate: Certificate {
    Certificate(
      metadata: controlPlaneMeta(),
      spec: Certificate.Spec(
        secretName: Self.controlPlaneTLS,
        dnsNames: ["\(Self.controlPlaneName).\(namespaceNames.controlPlane).svc", values.domain], duration: "2160h",
        renewBefore: "720h", usages: ["digital signature", "server auth"],
        issuerRef: Certificate.Reference(platformAuthority)))
  }

  /// In from the public gateway, or without one from the cluster's own way in, which may be anywhere in the cluster, and
  /// from what asks about requests to agents; out to the API server.
  var controlPlaneNetwork: [any ClusterObject] {
    let port = NetworkPolicyPort(protocol: "TCP", port: Self.controlPlanePort)
    let pods = Self.selector(Self.controlPlaneName)
    let from =
      values.profile == .full
      ? [values.ingressGateway, values.agentIngress] : [NetworkPolicyPeer(namespaceSelector: LabelSelector())]
    let own = NetworkPolicy(
      metadata: controlPlaneMeta(),
      spec: NetworkPolicySpec(
        podSelector: pods, policyTypes: [.ingress, .egress], ingress: [IngressRule(from: from, ports: [port])],
        egress: [apiServerEgress]))
    guard values.profile == .full else { return [own] }
    return [
      own,
      NetworkPolicy(
        metadata: gatewayMeta("gateway-to-control-plane"),
        spec: NetworkPolicySpec(
          podSelector: Self.selector(Self.gatewayName), policyTypes: [.egress],
          egress: [
            EgressRule(
              to: [
                NetworkPolicyPeer(
                  podSelector: pods, namespaceSelector: Self.namespaceSelector(namespaceNames.controlPlane))
              ], ports: [port])
          ])),
    ]
  }
}
