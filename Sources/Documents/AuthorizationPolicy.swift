/// An Istio AuthorizationPolicy (`security.istio.io/v1`), action ALLOW.
///
/// What no rule allows is denied; a policy without rules allows nothing.
package struct AuthorizationPolicy: Hashable, Sendable, Codable {
  package var apiVersion = "security.istio.io/v1"
  package var kind = "AuthorizationPolicy"
  package var metadata: ObjectMeta
  package var spec: AuthorizationPolicySpec

  package init(metadata: ObjectMeta, spec: AuthorizationPolicySpec) {
    self.metadata = metadata
    self.spec = spec
  }
}

package struct AuthorizationPolicySpec: Hashable, Sendable, Codable {
  package var selector: LabelSelector?
  package var action: Action
  package var rules: [AuthorizationRule]

  package init(selector: LabelSelector? = nil, action: Action = .allow, rules: [AuthorizationRule] = []) {
    self.selector = selector
    self.action = action
    self.rules = rules
  }

  package enum Action: String, Sendable, Codable {
    case allow = "ALLOW"
  }
}

/// A rule allows a request that one of `from` sends and one of `to` describes; an absent list describes all.
package struct AuthorizationRule: Hashable, Sendable, Codable {
  package var from: [From]?
  package var to: [To]?

  package init(from: [From]? = nil, to: [To]? = nil) {
    self.from = from
    self.to = to
  }

  package struct From: Hashable, Sendable, Codable {
    package var source: Source

    package init(source: Source) { self.source = source }
  }

  package struct To: Hashable, Sendable, Codable {
    package var operation: Operation

    package init(operation: Operation) { self.operation = operation }
  }

  package struct Source: Hashable, Sendable, Codable {
    /// SPIFFE ids without their scheme, `<trust domain>/ns/…`; `*` is any authenticated peer.
    package var principals: [String]

    package init(principals: [String]) { self.principals = principals }
  }

  /// Every field that is present has to match.
  package struct Operation: Hashable, Sendable, Codable {
    package var hosts: [String]?
    package var ports: [String]?
    package var methods: [String]?
    /// `/exact`, or `/prefix*`.
    package var paths: [String]?

    package init(
      hosts: [String]? = nil, ports: [String]? = nil, methods: [String]? = nil, paths: [String]? = nil
    ) {
      self.hosts = hosts
      self.ports = ports
      self.methods = methods
      self.paths = paths
    }
  }
}
