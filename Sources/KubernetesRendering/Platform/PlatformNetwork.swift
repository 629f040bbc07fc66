import AgentModel
import Documents

// Nothing in and nothing out in the namespaces of control plane and gateway, and what is open. Agents' namespaces are
// closed with their tenants; those of the secrets manager and of monitoring with what runs there.
extension Platform {
  var network: [ManifestFile] {
    let names = namespaceNames
    guard values.profile == .full else {
      return [
        ManifestFile(
          "network/platform.yaml",
          closedWithNames(names.controlPlane) + [apiServerOpening, agentsNamesOpening, webhookOpening])
      ]
    }
    return [
      ManifestFile(
        "network/platform.yaml",
        [names.controlPlane, names.ingress].flatMap(closedWithNames)
          + [names.controlPlane, names.ingress, names.monitoring].map(meshOpening)
          + [apiServerOpening, agentsNamesOpening, publicOpening, solverOpening])
    ]
  }

  /// Of the API server, on its way to us or ours to it.
  var apiServers: [NetworkPolicyPeer] {
    values.network.apiServers.map { NetworkPolicyPeer(ipBlock: IPBlock(cidr: $0)) }
  }

  private func closedWithNames(_ namespace: String) -> [NetworkPolicy] {
    [
      Self.closed(namespace),
      opening(
        "names", in: namespace,
        egress: [nameServerEgress]),
    ]
  }

  /// To where a proxy has its certificate and its configuration from.
  private func meshOpening(_ namespace: String) -> NetworkPolicy {
    opening(
      "mesh", in: namespace,
      egress: [EgressRule(to: [peer(namespaceNames.istio, ["app": "istiod"])], ports: [tcp(15012)])])
  }

  private var apiServerOpening: NetworkPolicy {
    opening(
      Self.operatorName, in: namespaceNames.controlPlane, selector: Self.selector(Self.operatorName),
      egress: [apiServerEgress])
  }

  /// From agents to their name server, and from it to what tells it of them.
  private var agentsNamesOpening: NetworkPolicy {
    let agents = NetworkPolicyPeer(
      podSelector: LabelSelector(matchLabels: [AgentLabel.agent: "true"]), namespaceSelector: Self.withAgents)
    return opening(
      Self.nameServerName, in: namespaceNames.controlPlane, selector: Self.selector(Self.nameServerName),
      ingress: [IngressRule(from: [agents], ports: Self.nameServerPorts)], egress: [apiServerEgress])
  }

  static let nameServerPorts = ["UDP", "TCP"].map { NetworkPolicyPort(protocol: $0, port: nameServerPort) }

  static let withAgents = LabelSelector(matchLabels: [
    "app.kubernetes.io/name": "agents", "app.kubernetes.io/part-of": "lobstack",
  ])

  /// From anywhere to the gateway; from there to where requests to agents come in, and to what answers an ACME authority.
  private var publicOpening: NetworkPolicy {
    opening(
      Self.gatewayName, in: namespaceNames.ingress, selector: Self.selector(Self.gatewayName),
      ingress: [IngressRule(ports: [tcp(GatewayPort.https), tcp(GatewayPort.http)])],
      egress: [
        EgressRule(to: [values.agentIngress], ports: [tcp(AgentIngressLayout.port)]),
        EgressRule(to: [NetworkPolicyPeer(podSelector: solver)], ports: [tcp(Self.solverPort)]),
      ])
  }

  private var solverOpening: NetworkPolicy {
    opening(
      Self.solverName, in: namespaceNames.ingress, selector: solver,
      ingress: [
        IngressRule(
          from: [NetworkPolicyPeer(podSelector: Self.selector(Self.gatewayName))], ports: [tcp(Self.solverPort)])
      ])
  }

  private var solver: LabelSelector { Self.selector(Self.solverName) }

  // MARK: Forms

  private func opening(
    _ name: String, in namespace: String, selector: LabelSelector = LabelSelector(), ingress: [IngressRule]? = nil,
    egress: [EgressRule]? = nil
  ) -> NetworkPolicy {
    NetworkPolicy(
      metadata: Self.meta(name, in: namespace, of: "network"),
      spec: NetworkPolicySpec(
        podSelector: selector, policyTypes: (ingress == nil ? [] : [.ingress]) + (egress == nil ? [] : [.egress]),
        ingress: ingress, egress: egress))
  }

  private func peer(_ namespace: String, _ labels: [String: String]) -> NetworkPolicyPeer {
    NetworkPolicyPeer(
      podSelector: LabelSelector(matchLabels: labels), namespaceSelector: Self.namespaceSelector(namespace))
  }

  private func tcp(_ port: UInt16) -> NetworkPolicyPort { NetworkPolicyPort(protocol: "TCP", port: port) }
}
