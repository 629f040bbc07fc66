import AgentModel
import Documents
import Faults
import Proxy

/// What the policies on the platform's API allow to agents.
///
/// - Throws: `Fault(.unsupported)` for what the node proxy does not enforce, naming the policy.
func apiRules(_ policies: [AuthorizationPolicy], domain: TrustDomain) throws -> [AccessRule] {
  let labels = ["app.kubernetes.io/name": SPIFFEID.Service.controlPlane.rawValue]
  return try policies.filter { $0.spec.selector?.matches(labels) == true }.flatMap { policy in
    try policy.spec.rules.flatMap { rule in
      guard let from = rule.from, let to = rule.to else {
        throw unsupported(policy, "a rule without 'from' or 'to' would open the API to everybody or for everything")
      }
      return try from.flatMap(\.source.principals).flatMap { text in
        guard let principal = AccessRule.Principal(expanded(text, domain)) else {
          throw unsupported(policy, "'\(text.prefix(80))' is no principal")
        }
        return try to.map(\.operation).map { operation in
          guard operation.hosts == nil, operation.ports == nil else {
            throw unsupported(policy, "hosts and ports of the platform's API are not for a policy to say")
          }
          return AccessRule(principal: principal, methods: operation.methods ?? [], paths: operation.paths ?? [])
        }
      }
    }
  }
}

/// `cluster.local` stands for the trust domain in force, as with Istio.
func expanded(_ principal: String, _ domain: TrustDomain) -> String {
  principal.hasPrefix("cluster.local/") ? "\(domain)\(principal.dropFirst("cluster.local".count))" : principal
}

private func unsupported(_ policy: AuthorizationPolicy, _ reason: String) -> Fault {
  Fault(
    .unsupported, operation: "enforce \(policy.metadata.name)", reason: reason,
    remedy: "correct the document, or use a target that enforces it")
}
