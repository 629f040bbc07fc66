import AgentModel

/// Everything that the node proxy is to know at one moment.
package struct NodeProxyState: Hashable, Sendable {
  package var agents: [ProxiedAgent]
  /// `nil` until the platform has identities: the platform API and the agents' ports are closed meanwhile.
  package var mesh: Mesh?
  /// The credentials that are known. A credential that is missing here is never asked of a host: its requests are
  /// refused.
  package var secrets: [CredentialKey: ProxySecret]
  /// What agents may ask of the platform API; nothing else is allowed.
  package var apiRules: [AccessRule]

  package init(
    agents: [ProxiedAgent] = [], mesh: Mesh? = nil, secrets: [CredentialKey: ProxySecret] = [:],
    apiRules: [AccessRule] = []
  ) {
    self.agents = agents
    self.mesh = mesh
    self.secrets = secrets
    self.apiRules = apiRules
  }

  /// The proxy's own identity, and whom it believes.
  package struct Mesh: Hashable, Sendable {
    package var identity: WorkloadCertificate
    /// PEM: the roots of the trust domain.
    package var roots: String

    package init(identity: WorkloadCertificate, roots: String) {
      self.identity = identity
      self.roots = roots
    }
  }
}

/// An agent as the node proxy sees it.
package struct ProxiedAgent: Hashable, Sendable {
  package var id: AgentID
  /// The IPv4 address that all its packets carry; nobody else can send from it.
  package var address: String
  /// `nil` closes the platform API to it.
  package var certificate: WorkloadCertificate?
  package var egress: [EgressAllowance]
  /// Which stored secret each name in `egress` stands for.
  package var credentials: [SecretName: CredentialKey]
  /// Ports that the gateway reaches, by name.
  package var ports: [String: UInt16]

  package init(
    id: AgentID, address: String, certificate: WorkloadCertificate? = nil, egress: [EgressAllowance] = [],
    credentials: [SecretName: CredentialKey] = [:], ports: [String: UInt16] = [:]
  ) {
    self.id = id
    self.address = address
    self.certificate = certificate
    self.egress = egress
    self.credentials = credentials
    self.ports = ports
  }
}

/// Names one stored credential: of a tenant, or of one agent. Names hold no dot, so no two keys have the same text.
package enum CredentialKey: Hashable, Sendable, Comparable, CustomStringConvertible {
  case tenant(TenantName, SecretName)
  case agent(AgentID, SecretName)

  package var tenant: TenantName {
    switch self {
    case .tenant(let tenant, _): tenant
    case .agent(let agent, _): agent.tenant
    }
  }

  package var secret: SecretName {
    switch self {
    case .tenant(_, let secret), .agent(_, let secret): secret
    }
  }

  package var description: String {
    switch self {
    case .tenant(let tenant, let secret): "\(tenant).\(secret)"
    case .agent(let agent, let secret): "\(agent.tenant).\(agent.name).\(secret)"
    }
  }

  package static func < (left: Self, right: Self) -> Bool { left.description < right.description }

  var source: EnvoyFile.Source { .secret("key.\(self)") }
}
