import AgentModel
import Documents
import Faults

/// What an agent's NetworkPolicies allow.
///
/// This version enforces policies that open nothing: an agent has no way in or out. A policy that opens something is
/// refused, because a flow that was asked for and silently stays closed is as bad a surprise as the contrary.
package struct AllowedFlows: Hashable, Sendable {
  /// - Throws: `Fault(.denied)` when a direction is not closed by any policy that selects the agent;
  ///   `Fault(.unsupported)` for a rule that opens something, with its policy and field.
  package init(policies: [NetworkPolicy], labels: [String: String], agent: AgentID) throws {
    let selecting = policies.filter { $0.spec.podSelector.matches(labels) }
    for direction in [NetworkPolicySpec.PolicyType.ingress, .egress] {
      guard selecting.contains(where: { $0.spec.policyTypes.contains(direction) }) else {
        throw Fault(
          .denied, operation: "isolate agent \(agent)",
          reason: "no NetworkPolicy of type \(direction.rawValue) selects it, so everything would be open",
          remedy: "restore policy/network/agent-default-deny.yaml")
      }
    }
    for policy in selecting {
      let opens = [("ingress", policy.spec.ingress?.isEmpty == false), ("egress", policy.spec.egress?.isEmpty == false)]
      for (field, isOpen) in opens where isOpen {
        throw Fault(
          .unsupported, operation: "isolate agent \(agent)",
          reason: "NetworkPolicy '\(policy.metadata.name)' opens something in spec.\(field)",
          remedy: "remove its rules; this version keeps agents closed")
      }
    }
  }
}
