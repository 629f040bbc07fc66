import AgentModel
import Documents
import Testing

/// NetworkPolicies as Kubernetes means them (networking.k8s.io/v1): policies that select a Pod add up, a direction is
/// closed once one of its type selects the Pod, and both ends have to allow.
struct ClusterNetwork {
  struct Place: Hashable {
    var address: String
    /// `nil` for an address that is no Pod's.
    var namespace: String?
    var labels: [String: String] = [:]
  }

  var policies: [NetworkPolicy]
  /// Labels of namespaces, beside that of their name.
  var namespaces: [String: [String: String]] = [:]

  func allows(_ from: Place, to: Place, port: UInt16, over transport: String) -> Bool {
    passes(.egress, of: from, with: to, port, transport) && passes(.ingress, of: to, with: from, port, transport)
  }

  private func passes(
    _ type: NetworkPolicySpec.PolicyType, of place: Place, with peer: Place, _ port: UInt16, _ transport: String
  ) -> Bool {
    guard place.namespace != nil else { return true }
    let selecting = policies.filter {
      $0.metadata.namespace == place.namespace && $0.spec.podSelector.matches(place.labels)
        && $0.spec.policyTypes.contains(type)
    }
    guard !selecting.isEmpty else { return true }
    return selecting.contains { policy in
      let rules =
        type == .egress
        ? (policy.spec.egress ?? []).map { ($0.to, $0.ports) } : (policy.spec.ingress ?? []).map { ($0.from, $0.ports) }
      return rules.contains { peers, ports in
        (peers?.contains { matches($0, peer, in: policy.metadata.namespace) } ?? true)
          && (ports?.contains { matches($0, port, transport) } ?? true)
      }
    }
  }

  private func matches(_ peer: NetworkPolicyPeer, _ place: Place, in namespace: String?) -> Bool {
    if let block = peer.ipBlock {
      return contains(block.cidr, place.address) && !(block.except ?? []).contains { contains($0, place.address) }
    }
    guard let own = place.namespace else { return false }
    let labels = (namespaces[own] ?? [:]).merging(["kubernetes.io/metadata.name": own]) { _, name in name }
    let inNamespace = peer.namespaceSelector?.matches(labels) ?? (own == namespace)
    return inNamespace && (peer.podSelector?.matches(place.labels) ?? true)
  }

  private func matches(_ rule: NetworkPolicyPort, _ port: UInt16, _ transport: String) -> Bool {
    guard (rule.protocol ?? "TCP") == transport.uppercased() else { return false }
    guard let first = rule.port else { return true }
    return (first...(rule.endPort ?? first)).contains(port)
  }
}

func contains(_ range: String, _ address: String) -> Bool {
  CIDR(address + (address.contains(":") ? "/128" : "/32")).flatMap { CIDR(range)?.contains($0) } ?? false
}
