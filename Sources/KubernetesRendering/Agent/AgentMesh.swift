import AgentModel
import Blueprint
import Documents
import Faults

/// The agent's policies as Istio reads them, at the Pod of the gateway: the agent itself is outside the mesh.
///
/// What the agent may ask of hosts is not among them: Istio would ask that of the host, and the gateway's own Envoy
/// asks it of the agent.
extension AgentRendering {
  var meshObjects: [any ClusterObject] {
    get throws {
      guard values.profile == .full else { return [] }
      return [try whoMayComeIn]
        + blueprint.serviceEntries.map { entry in
          var entry = entry
          entry.metadata = ObjectMeta(
            name: entry.metadata.name, namespace: namespace, labels: meta("", of: "mesh").labels,
            annotations: entry.metadata.annotations)
          return entry
        }
    }
  }

  /// Who may speak to the agent's ports, over mutual TLS. Its ports for the agent are not the mesh's.
  private var whoMayComeIn: AuthorizationPolicy {
    get throws {
      let rules =
        agent.spec.ports.isEmpty
        ? []
        : try blueprint.authorizationPolicies
          .filter { $0.spec.selector != nil }.flatMap { policy in
            try policy.spec.rules.map { try moved($0, of: policy.metadata.name) }
          }
      return AuthorizationPolicy(
        metadata: meta(names.gateway, of: "mesh"),
        spec: AuthorizationPolicySpec(selector: LabelSelector(matchLabels: gatewayLabels), rules: rules))
    }
  }

  private func moved(_ rule: AuthorizationRule, of policy: String) throws -> AuthorizationRule {
    let principals = try (rule.from ?? []).flatMap(\.source.principals).map { text in
      guard let principal = SPIFFEID("spiffe://\(text)").flatMap(values.caller), rule.to == nil else {
        throw Fault(
          .unsupported, operation: "render \(policy) for agent \(agent.id)",
          reason: "a rule other than for the principal of one agent or of one service is not enforced at agents",
          remedy: "correct policy/mesh/\(policy).yaml")
      }
      return principal
    }
    guard !principals.isEmpty else {
      throw Fault(
        .unsupported, operation: "render \(policy) for agent \(agent.id)",
        reason: "a rule without a principal would open the agent to everybody",
        remedy: "correct policy/mesh/\(policy).yaml")
    }
    return AuthorizationRule(
      from: [AuthorizationRule.From(source: AuthorizationRule.Source(principals: principals))],
      to: [
        AuthorizationRule.To(
          operation: AuthorizationRule.Operation(ports: ["\(PairedGatewayLayout.ingressPort)"]))
      ])
  }
}

extension Values {
  /// The principal that Istio gives to who has this identity on one machine: its namespace and its service account.
  ///
  /// - Returns: `nil` for an identity that no workload of a cluster has.
  package func principal(_ id: SPIFFEID) -> String? {
    if let agent = id.agent { return account("\(agent.name)", in: namespace(of: agent.tenant)) }
    switch id.service {
    case .gateway: return account(Platform.gatewayName, in: namespaces.ingress)
    case .controlPlane: return account("control-plane", in: namespaces.controlPlane)
    case .operator, .proxy, nil: return nil
    }
  }

  /// Who calls agents on a cluster in the place of who does on one machine: the gateway of that is two programs here, and
  /// one of them leads requests to agents.
  package func caller(_ id: SPIFFEID) -> String? {
    guard id.service == .gateway else { return principal(id) }
    return account(Platform.agentIngressName, in: namespaces.controlPlane)
  }

  /// The principal of a service account (SPIFFE id as Istio makes them, without the scheme).
  func account(_ name: String, in namespace: String) -> String { "\(trustDomain)/ns/\(namespace)/sa/\(name)" }

  /// The Pods of the cluster's gateway.
  var ingressGateway: NetworkPolicyPeer {
    NetworkPolicyPeer(
      podSelector: LabelSelector(matchLabels: ["app.kubernetes.io/name": "gateway"]),
      namespaceSelector: LabelSelector(matchLabels: [WellKnownLabel.namespace: namespaces.ingress]))
  }

  /// The Pods by which requests come to agents.
  var agentIngress: NetworkPolicyPeer {
    NetworkPolicyPeer(
      podSelector: Platform.selector(Platform.agentIngressName),
      namespaceSelector: LabelSelector(matchLabels: [WellKnownLabel.namespace: namespaces.controlPlane]))
  }

  /// Which tells the mesh's proxies what they are.
  var meshControl: NetworkPolicyPeer {
    NetworkPolicyPeer(
      podSelector: LabelSelector(matchLabels: ["app": "istiod"]),
      namespaceSelector: LabelSelector(matchLabels: [WellKnownLabel.namespace: namespaces.istio]))
  }
}
