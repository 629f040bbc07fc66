import AgentModel
import Documents

extension Blueprint {
  /// The hosts outside that one agent may reach.
  static func serviceEntries(of agent: Agent) -> [ServiceEntry] {
    agent.spec.egress.enumerated().map { index, allowance in
      var annotations: [String: String] = [:]
      if let credential = allowance.credential {
        annotations[credentialSecretAnnotation] = "\(credential.secret)"
        annotations[credentialHeaderAnnotation] = credential.header
        annotations[credentialPrefixAnnotation] = credential.prefix
      }
      annotations[expiryAnnotation] = allowance.expires?.description
      return ServiceEntry(
        metadata: ObjectMeta(
          name: "\(agent.id.name)-egress-\(index)", namespace: "\(agent.id.tenant)",
          annotations: annotations.isEmpty ? nil : annotations),
        spec: ServiceEntrySpec(
          hosts: ["\(allowance.host)"],
          ports: [ServiceEntrySpec.Port(number: 443, name: "tls", protocol: "TLS")],
          // The name behind a wildcard is only known from the connection.
          resolution: allowance.host.isWildcard ? "NONE" : "DNS"))
    }
  }
}

/// What the agent may do at those hosts.
func egressPolicy(of agent: Agent, domain: TrustDomain) -> AuthorizationPolicy {
  let principal = "\(domain)\(SPIFFEID.agent(agent.id, in: domain).path)"
  let rules = agent.spec.egress.map { allowance in
    AuthorizationRule(
      from: [AuthorizationRule.From(source: AuthorizationRule.Source(principals: [principal]))],
      to: [
        AuthorizationRule.To(
          operation: AuthorizationRule.Operation(
            hosts: ["\(allowance.host)"], ports: ["443"],
            methods: allowance.methods.isEmpty ? nil : allowance.methods,
            paths: allowance.paths.isEmpty ? nil : allowance.paths))
      ])
  }
  return AuthorizationPolicy(
    metadata: ObjectMeta(name: "\(agent.id.name)-egress", namespace: "\(agent.id.tenant)"),
    spec: AuthorizationPolicySpec(rules: rules))
}
