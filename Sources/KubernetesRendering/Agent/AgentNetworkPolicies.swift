import AgentModel
import Blueprint
import Documents

/// What opens the little that is open. Everything else is closed by the namespace's own policy for all its Pods.
extension AgentRendering {
  var networkPolicies: [any ClusterObject] { [agentPolicy, gatewayPolicy] }

  /// The agent's Pod: its gateway and the name server, and nobody else.
  private var agentPolicy: NetworkPolicy {
    let ports = agent.spec.ports.values.sorted().map(Self.tcp)
    return NetworkPolicy(
      metadata: meta(names.agentPolicy, of: "network"),
      spec: NetworkPolicySpec(
        podSelector: openAgent, policyTypes: [.ingress, .egress],
        ingress: ports.isEmpty ? nil : [IngressRule(from: [gatewayPeer], ports: ports)],
        egress: [
          EgressRule(to: [gatewayPeer], ports: Self.agentPorts),
          EgressRule(to: [nameServer], ports: Platform.nameServerPorts),
        ]))
  }

  /// Its gateway: from the agent, and from where requests to agents come in; to the agent's ports, and to the Internet but
  /// for what no policy may open.
  private var gatewayPolicy: NetworkPolicy {
    let agentPeer = NetworkPolicyPeer(podSelector: openAgent)
    let ports = agent.spec.ports.values.sorted().map(Self.tcp)
    var ingress = [IngressRule(from: [agentPeer], ports: Self.agentPorts)]
    var egress = [
      EgressRule(to: outside, ports: [Self.tcp(443)]),
      EgressRule(to: [Platform.clusterNames], ports: ["UDP", "TCP"].map { NetworkPolicyPort(protocol: $0, port: 53) }),
    ]
    if !ports.isEmpty {
      egress.append(EgressRule(to: [agentPeer], ports: ports))
      ingress.append(IngressRule(from: [values.agentIngress], ports: [Self.tcp(PairedGatewayLayout.ingressPort)]))
    }
    if values.profile == .full {
      egress.append(EgressRule(to: [values.meshControl], ports: [Self.tcp(15012)]))
    }
    return NetworkPolicy(
      metadata: meta(names.gateway, of: "network"),
      spec: NetworkPolicySpec(
        podSelector: LabelSelector(matchLabels: gatewayLabels), policyTypes: [.ingress, .egress], ingress: ingress,
        egress: egress))
  }

  /// The agent's Pod, unless it is quarantined: policies only add up, so that it is in none that opens anything.
  private var openAgent: LabelSelector {
    LabelSelector(
      matchLabels: agentLabels, matchExpressions: [LabelSelector.Requirement(quarantineLabel, .doesNotExist)])
  }

  /// What selects the gateway's Pod.
  var gatewayLabels: [String: String] { [AgentLabel.gatewayOf: "\(agent.id.name)"] }

  private var gatewayPeer: NetworkPolicyPeer {
    NetworkPolicyPeer(podSelector: LabelSelector(matchLabels: gatewayLabels))
  }

  /// The Pods behind the agents' name server.
  private var nameServer: NetworkPolicyPeer {
    NetworkPolicyPeer(
      podSelector: LabelSelector(matchLabels: ["app.kubernetes.io/name": Platform.nameServerName]),
      namespaceSelector: LabelSelector(matchLabels: [WellKnownLabel.namespace: values.namespaces.controlPlane]))
  }

  /// Every address but those that no policy may open.
  private var outside: [NetworkPolicyPeer] {
    // The API has no notation for IPv4 addresses within IPv6, which no packet carries: a node sends IPv4 for them.
    let denied = closed
    return ["0.0.0.0/0", "::/0"].map { range in
      let except = denied.filter { CIDR($0)?.family == CIDR(range)?.family }
      return NetworkPolicyPeer(ipBlock: IPBlock(cidr: range, except: except))
    }
  }

  /// What no policy opens, and the cluster's own API, wherever its address is.
  private var closed: [String] {
    let ranges = policy.deniedDestinations.filter { CIDR($0)?.isMappedIPv4 == false }
    return ranges
      + values.network.apiServers.filter { own in
        !ranges.contains { range in CIDR(own).map { CIDR(range)?.contains($0) ?? false } ?? false }
      }
  }

  private static let agentPorts = [PairedGatewayLayout.httpPort, PairedGatewayLayout.tlsPort].map(tcp)

  private static func tcp(_ port: UInt16) -> NetworkPolicyPort { NetworkPolicyPort(protocol: "TCP", port: port) }
}

extension CIDR {
  /// Within `::ffff:0:0/96` (RFC 4291 §2.5.5.2).
  fileprivate var isMappedIPv4: Bool { CIDR("::ffff:0:0/96")?.contains(self) == true }
}
