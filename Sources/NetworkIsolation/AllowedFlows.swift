import AgentModel
import Documents
import Faults

/// What an agent's NetworkPolicies open. Whoever enforces it switches over the cases, so that a kind of opening cannot
/// be added without every enforcer knowing it.
package enum AllowedFlows: Hashable, Sendable {
  /// Nothing in, nothing out.
  case none
}

/// Compiles NetworkPolicies with Kubernetes' meaning: the policies that select the agent add up, and a direction is
/// closed by default once a policy of its type selects the agent.
///
/// Kubernetes leaves a direction open when no policy of its type selects the Pod; here that is a fault.
///
/// - Throws: `Fault(.denied)` when a direction would be open; `Fault(.unsupported)` for a rule that opens something,
///   with the policy's name and the field.
package func allowedFlows(
  agent: AgentID, labels: [String: String], policies: [NetworkPolicy]
) throws -> AllowedFlows {
  let selecting = policies.filter { policy in
    (policy.metadata.namespace ?? agent.tenant.description) == agent.tenant.description
      && policy.spec.podSelector.matches(labels)
  }
  for type in [NetworkPolicySpec.PolicyType.ingress, .egress] {
    let ofType = selecting.filter { $0.spec.policyTypes.contains(type) }
    guard !ofType.isEmpty else {
      throw Fault(
        .denied, operation: "isolate agent \(agent)",
        reason: "no NetworkPolicy of type \(type.rawValue) selects it, which would leave that direction open",
        remedy: "restore policy/network/agent-default-deny.yaml")
    }
    for policy in ofType {
      let rules = type == .ingress ? policy.spec.ingress?.count : policy.spec.egress?.count
      guard let rules, rules > 0 else { continue }
      throw Fault(
        .unsupported, operation: "isolate agent \(agent)",
        reason: "NetworkPolicy \(policy.metadata.name) opens a path (spec.\(type.rawValue.lowercased())[0])",
        remedy: "remove the rule: this version keeps every path closed")
    }
  }
  return .none
}
