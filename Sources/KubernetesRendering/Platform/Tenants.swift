import AgentModel
import Blueprint
import Documents

extension Platform {
  /// What bounds the agents of each tenant before there is one.
  var tenants: [ManifestFile] {
    values.tenants.sorted { $0.key < $1.key }.map { tenant, quota in
      let namespace = values.namespace(of: tenant)
      return ManifestFile(
        "tenants/\(tenant).yaml",
        [
          ResourceQuota(
            metadata: Self.meta("agents", in: namespace),
            spec: ResourceQuota.Spec(hard: hard(quota))),
          LimitRange(metadata: Self.meta("agents", in: namespace), spec: LimitRange.Spec(limits: [containerLimit()])),
          Self.closed(namespace),
        ] + rules.networkPolicies.map { Self.moved($0, to: namespace) })
    }
  }

  /// An agent has two Pods: its own, and the gateway that holds its identity. What the values give a tenant is for the
  /// agents themselves, and what each of them takes beside comes on top.
  private func hard(_ quota: Values.Quota) -> [String: String] {
    let (requests, limits) = (AgentShare.requests(values.profile), AgentShare.limits(values.profile))
    func cpu(_ share: Int) -> String { "\(AgentShare.thousandths(quota.cpu) + quota.agents * share)m" }
    func memory(_ share: Int64) -> String {
      let (sum, isTooMuch) = quota.memory.bytes.addingReportingOverflow(Int64(quota.agents) * share)
      return "\(ByteSize(bytes: isTooMuch ? .max : sum))"
    }
    return [
      "pods": "\(2 * quota.agents)", "requests.cpu": cpu(requests.cpu), "limits.cpu": cpu(limits.cpu),
      "requests.memory": memory(requests.memory), "limits.memory": memory(limits.memory),
      "requests.storage": "\(quota.storage)",
      "persistentvolumeclaims": "\(quota.agents)", "services": "\(2 * quota.agents)",
      "services.loadbalancers": "0", "services.nodeports": "0",
      // Of each Agent come a dozen objects that nothing else counts.
      "count/\(AgentDefinition.name)": "\(quota.agents)",
    ]
  }

  private func containerLimit() -> LimitRange.Limit {
    let largest = values.tiers[.enterprise] ?? Values.Size(.enterprise)
    return LimitRange.Limit(
      type: "Container", default: ["cpu": "100m", "memory": "128Mi"], defaultRequest: ["cpu": "50m", "memory": "64Mi"],
      max: ["cpu": largest.cpu, "memory": "\(largest.memory)"])
  }

  /// Nothing in, nothing out, for every Pod of a namespace; what is open is opened by a policy of its own.
  static func closed(_ namespace: String) -> NetworkPolicy {
    NetworkPolicy(
      metadata: meta("default-deny", in: namespace, of: "network"),
      spec: NetworkPolicySpec(podSelector: LabelSelector(), policyTypes: [.ingress, .egress]))
  }

  /// A policy of the policy directory in a namespace.
  static func moved(_ policy: NetworkPolicy, to namespace: String) -> NetworkPolicy {
    var policy = policy
    policy.metadata.namespace = namespace
    policy.metadata.labels = labels("network").merging(policy.metadata.labels ?? [:]) { _, own in own }
    return policy
  }
}
