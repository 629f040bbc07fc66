/// A Kubernetes NetworkPolicy (`networking.k8s.io/v1`).
///
/// Decoding keeps the API's meaning: an absent `ingress` allows nothing in when `policyTypes` names Ingress, and an
/// empty rule `{}` allows everything.
package struct NetworkPolicy: Hashable, Sendable, Codable {
  package var apiVersion = "networking.k8s.io/v1"
  package var kind = "NetworkPolicy"
  package var metadata: ObjectMeta
  package var spec: NetworkPolicySpec

  package init(metadata: ObjectMeta, spec: NetworkPolicySpec) {
    self.metadata = metadata
    self.spec = spec
  }
}

package struct NetworkPolicySpec: Hashable, Sendable, Codable {
  package var podSelector: LabelSelector
  package var policyTypes: [PolicyType]
  package var ingress: [IngressRule]?
  package var egress: [EgressRule]?

  package init(
    podSelector: LabelSelector, policyTypes: [PolicyType], ingress: [IngressRule]? = nil, egress: [EgressRule]? = nil
  ) {
    self.podSelector = podSelector
    self.policyTypes = policyTypes
    self.ingress = ingress
    self.egress = egress
  }

  package enum PolicyType: String, Sendable, Codable {
    case ingress = "Ingress"
    case egress = "Egress"
  }
}

/// Selects by labels; an empty selector selects everything in its namespace.
package struct LabelSelector: Hashable, Sendable, Codable {
  package var matchLabels: [String: String]?
  package var matchExpressions: [Requirement]?

  package init(matchLabels: [String: String]? = nil, matchExpressions: [Requirement]? = nil) {
    self.matchLabels = matchLabels
    self.matchExpressions = matchExpressions
  }

  /// Whether a label is there.
  package struct Requirement: Hashable, Sendable, Codable {
    package enum Operator: String, Hashable, Sendable, Codable {
      case exists = "Exists"
      case doesNotExist = "DoesNotExist"
    }

    package var key: String
    package var `operator`: Operator

    package init(_ key: String, _ operator: Operator) {
      self.key = key
      self.operator = `operator`
    }
  }

  package func matches(_ labels: [String: String]) -> Bool {
    (matchLabels ?? [:]).allSatisfy { labels[$0.key] == $0.value }
      && (matchExpressions ?? []).allSatisfy { (labels[$0.key] != nil) == ($0.operator == .exists) }
  }
}

package struct IngressRule: Hashable, Sendable, Codable {
  package var from: [NetworkPolicyPeer]?
  package var ports: [NetworkPolicyPort]?

  package init(from: [NetworkPolicyPeer]? = nil, ports: [NetworkPolicyPort]? = nil) {
    self.from = from
    self.ports = ports
  }
}

package struct EgressRule: Hashable, Sendable, Codable {
  package var to: [NetworkPolicyPeer]?
  package var ports: [NetworkPolicyPort]?

  package init(to: [NetworkPolicyPeer]? = nil, ports: [NetworkPolicyPort]? = nil) {
    self.to = to
    self.ports = ports
  }
}

package struct NetworkPolicyPeer: Hashable, Sendable, Codable {
  package var ipBlock: IPBlock?
  package var podSelector: LabelSelector?
  package var namespaceSelector: LabelSelector?

  package init(ipBlock: IPBlock? = nil, podSelector: LabelSelector? = nil, namespaceSelector: LabelSelector? = nil) {
    self.ipBlock = ipBlock
    self.podSelector = podSelector
    self.namespaceSelector = namespaceSelector
  }
}

package struct IPBlock: Hashable, Sendable, Codable {
  package var cidr: String
  package var except: [String]?

  package init(cidr: String, except: [String]? = nil) {
    self.cidr = cidr
    self.except = except
  }
}

package struct NetworkPolicyPort: Hashable, Sendable, Codable {
  package var `protocol`: String?
  package var port: UInt16?
  package var endPort: UInt16?

  package init(protocol: String? = nil, port: UInt16? = nil, endPort: UInt16? = nil) {
    self.protocol = `protocol`
    self.port = port
    self.endPort = endPort
  }
}
