/// What an agent's owner asks for: the `spec` of a `lobstack.dev/v1` Agent, parsed.
package struct AgentSpec: Hashable, Sendable, Codable {
  package var image: ImageReference
  package var tier: Tier
  /// The program and its arguments; `nil` takes the image's.
  package var command: [String]?
  package var env: [String: String]
  package var workspace: Workspace
  /// Named TCP ports that the agent listens on.
  package var ports: [String: UInt16]
  /// Secrets that it reads as files below `/vault/secrets`.
  @NamedSecrets package var secrets: [SecretName]
  /// The hosts that the agent may reach; none by default.
  package var egress: [EgressAllowance]
  package var restartPolicy: RestartPolicy
  /// What follows a critical alert.
  package var response: AgentResponse

  package init(
    image: ImageReference, tier: Tier = .starter, command: [String]? = nil, env: [String: String] = [:],
    workspace: Workspace = Workspace(), ports: [String: UInt16] = [:], secrets: [SecretName] = [],
    egress: [EgressAllowance] = [],
    restartPolicy: RestartPolicy = .always, response: AgentResponse = .alert
  ) {
    self.image = image
    self.tier = tier
    self.command = command
    self.env = env
    self.workspace = workspace
    self.ports = ports
    self.secrets = secrets
    self.egress = egress
    self.restartPolicy = restartPolicy
    self.response = response
  }

  /// Specs stored by versions that knew no egress, secrets or response have none.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    image = try fields.decode(ImageReference.self, forKey: .image)
    tier = try fields.decode(Tier.self, forKey: .tier)
    command = try fields.decodeIfPresent([String].self, forKey: .command)
    env = try fields.decode([String: String].self, forKey: .env)
    workspace = try fields.decode(Workspace.self, forKey: .workspace)
    ports = try fields.decode([String: UInt16].self, forKey: .ports)
    _secrets = try fields.decodeIfPresent(NamedSecrets.self, forKey: .secrets) ?? NamedSecrets(wrappedValue: [])
    egress = try fields.decodeIfPresent([EgressAllowance].self, forKey: .egress) ?? []
    restartPolicy = try fields.decode(RestartPolicy.self, forKey: .restartPolicy)
    response = try fields.decodeIfPresent(AgentResponse.self, forKey: .response) ?? .alert
  }

  /// The one directory that an agent can write and that outlives its process.
  package struct Workspace: Hashable, Sendable, Codable {
    package static let defaultSize = ByteSize(bytes: 1 << 30)
    package static let allowedSizes = ByteSize(bytes: 16 << 20)...ByteSize(bytes: 1 << 40)

    package var size: ByteSize

    package init(size: ByteSize = Workspace.defaultSize) { self.size = size }
  }

  /// When an agent that ended is started again (the `restartPolicy` of a Kubernetes Pod).
  package enum RestartPolicy: String, Sendable, Codable, CaseIterable {
    case always = "Always"
    case onFailure = "OnFailure"
    case never = "Never"
  }
}

/// An agent as its owner wrote it, parsed.
package struct Agent: Hashable, Sendable, Codable {
  package var id: AgentID
  package var labels: [String: String]
  package var spec: AgentSpec

  package init(id: AgentID, labels: [String: String] = [:], spec: AgentSpec) {
    self.id = id
    self.labels = labels
    self.spec = spec
  }
}
