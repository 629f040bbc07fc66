import AgentModel
import Documents
import Faults
import FoundationEssentials
import SecretStore

/// Everything that the control plane, and with `detect` the sentinel, may ask of the node: the whole input of the only
/// root process.
///
/// One request travels on one connection. `exec`, `logs` and `detect` go on as a stream of frames; the others are answered
/// by one `NodeReply`.
package enum NodeRequest: Sendable, Codable {
  /// Who are you, and are you well?
  case describe
  /// Make the machine look like this. Answered as soon as the node has stored it.
  case apply(DesiredState)
  /// What is there? Answered at once when the node's revision is past `after`, else at the next change or after
  /// `waitSeconds`.
  case observe(after: UInt64, waitSeconds: Int)
  /// What do the agents that run use? No part of `observe`, which is answered at each change.
  case usage
  case exec(uid: AgentUID, command: [String], env: [String: String], directory: String?)
  /// The last `tailBytes` of the agent's output, then what follows if `follow`.
  case logs(uid: AgentUID, tailBytes: Int, follow: Bool)
  /// A secret has another version, or none, in this state of the store.
  case secretsChanged(SecretReference, in: VaultIndex?)
  /// Asks the secrets manager with an agent's own token, and tells the status of each answer, nothing else.
  case probeSecrets([VaultProbe], as: AgentID)
  /// Carries out what a person wants done about a sandbox; answered when it is in force.
  case respond(ResponseOrder)
  /// The sentinel's: it tells `SentinelMessage`s and is told `DetectionMessage`s, for as long as both run.
  case detect
}

package enum NodeReply: Sendable, Codable {
  case described(NodeDescription)
  case accepted(revision: Int64)
  case observed(ObservedState)
  case used([AgentUsage])
  case done
  case probed([Int])
  case responded(ResponseAnswer)
  case failed(Fault)
}

package struct NodeDescription: Sendable, Codable {
  package var instance: InstanceName
  package var processID: Int32
  package var startedAt: Date
  /// First line of `runsc --version`.
  package var runtimeVersion: String
  /// gVisor's platform in use: `systrap`, `ptrace` or `kvm`.
  package var runtimePlatform: String
  /// What serves the agents beside the node.
  package var services: [Service]

  /// A process that the node configures, as it answers now.
  package struct Service: Hashable, Sendable, Codable {
    package enum State: String, Hashable, Sendable, Codable {
      case ready
      /// It serves, but not what it should.
      case degraded
      case down
    }

    package var name: String
    package var state: State
    package var detail: String

    package init(name: String, state: State, detail: String) {
      self.name = name
      self.state = state
      self.detail = detail
    }
  }

  package init(
    instance: InstanceName, processID: Int32, startedAt: Date, runtimeVersion: String, runtimePlatform: String,
    services: [Service] = []
  ) {
    self.instance = instance
    self.processID = processID
    self.startedAt = startedAt
    self.runtimeVersion = runtimeVersion
    self.runtimePlatform = runtimePlatform
    self.services = services
  }
}

/// The agents that ought to exist on this machine.
package struct DesiredState: Sendable, Codable {
  /// Rises with every change; the node refuses one lower than it has.
  package var revision: Int64
  package var agents: [DesiredAgent]
  package var identity: DesiredIdentity?

  package init(revision: Int64, agents: [DesiredAgent], identity: DesiredIdentity? = nil) {
    self.revision = revision
    self.agents = agents
    self.identity = identity
  }
}

/// What the certificate authority says: answers to the node's requests, and whom to trust.
package struct DesiredIdentity: Sendable, Codable {
  package var trustDomain: TrustDomain
  /// The roots, PEM.
  package var trustBundle: String
  package var certificates: [SignedCertificate]
  /// By which the node logs in to the secrets manager as its agents.
  package var tokens: [AgentToken]
  /// Why a token that was asked for is not among them.
  package var tokenRefusal: Fault?

  package init(
    trustDomain: TrustDomain, trustBundle: String, certificates: [SignedCertificate], tokens: [AgentToken] = [],
    tokenRefusal: Fault? = nil
  ) {
    self.trustDomain = trustDomain
    self.trustBundle = trustBundle
    self.certificates = certificates
    self.tokens = tokens
    self.tokenRefusal = tokenRefusal
  }
}

/// A JWT-SVID of an agent for the secrets manager, good for a minute.
package struct AgentToken: Sendable, Codable {
  package var agent: AgentID
  package var token: SecretValue

  package init(agent: AgentID, token: SecretValue) {
    self.agent = agent
    self.token = token
  }
}

/// Asks for an X.509-SVID for a key that never leaves the node.
package struct CertificateRequest: Hashable, Sendable, Codable {
  package var id: SPIFFEID
  /// SubjectPublicKeyInfo, DER (RFC 5280 §4.1.2.7).
  package var publicKey: [UInt8]

  package init(id: SPIFFEID, publicKey: [UInt8]) {
    self.id = id
    self.publicKey = publicKey
  }
}

package struct SignedCertificate: Hashable, Sendable, Codable {
  package var request: CertificateRequest
  /// Leaf first, PEM.
  package var chain: String
  package var notAfter: Date
  package var serialNumber: String

  package init(request: CertificateRequest, chain: String, notAfter: Date, serialNumber: String) {
    self.request = request
    self.chain = chain
    self.notAfter = notAfter
    self.serialNumber = serialNumber
  }
}

/// One agent as it ought to be. An agent that is absent from the desired state is stopped but keeps its workspace;
/// only `destroy` removes that.
package struct DesiredAgent: Sendable, Codable {
  package enum Wish: String, Sendable, Codable {
    case run, stop, destroy
  }

  package var id: AgentID
  package var uid: AgentUID
  package var generation: Int64
  /// The last generation that changed more than what is enforced round the sandbox: another one needs another sandbox.
  package var sandboxGeneration: Int64
  package var wish: Wish
  package var pod: Pod
  package var networkPolicies: [NetworkPolicy]
  package var serviceEntries: [ServiceEntry]
  package var authorizationPolicies: [AuthorizationPolicy]

  package init(
    id: AgentID, uid: AgentUID, generation: Int64, sandboxGeneration: Int64? = nil, wish: Wish, pod: Pod,
    networkPolicies: [NetworkPolicy], serviceEntries: [ServiceEntry] = [],
    authorizationPolicies: [AuthorizationPolicy] = []
  ) {
    self.id = id
    self.uid = uid
    self.generation = generation
    self.sandboxGeneration = sandboxGeneration ?? generation
    self.wish = wish
    self.pod = pod
    self.networkPolicies = networkPolicies
    self.serviceEntries = serviceEntries
    self.authorizationPolicies = authorizationPolicies
  }

  /// States stored by versions without identity have no policies of it.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    generation = try fields.decode(Int64.self, forKey: .generation)
    id = try fields.decode(AgentID.self, forKey: .id)
    uid = try fields.decode(AgentUID.self, forKey: .uid)
    sandboxGeneration = try fields.decodeIfPresent(Int64.self, forKey: .sandboxGeneration) ?? generation
    wish = try fields.decode(Wish.self, forKey: .wish)
    pod = try fields.decode(Pod.self, forKey: .pod)
    networkPolicies = try fields.decode([NetworkPolicy].self, forKey: .networkPolicies)
    serviceEntries = try fields.decodeIfPresent([ServiceEntry].self, forKey: .serviceEntries) ?? []
    authorizationPolicies =
      try fields.decodeIfPresent([AuthorizationPolicy].self, forKey: .authorizationPolicies) ?? []
  }
}

package struct ObservedState: Sendable, Codable {
  /// The node's own count of changes since it started.
  package var revision: UInt64
  package var agents: [ObservedAgent]
  /// Keys of the node that have no certificate yet, or one that is to be renewed.
  package var certificateRequests: [CertificateRequest]
  /// Agents as whom the node has to log in to the secrets manager.
  package var tokenRequests: [AgentID]

  package init(
    revision: UInt64, agents: [ObservedAgent], certificateRequests: [CertificateRequest] = [],
    tokenRequests: [AgentID] = []
  ) {
    self.revision = revision
    self.agents = agents
    self.certificateRequests = certificateRequests
    self.tokenRequests = tokenRequests
  }
}

/// One agent as the node sees it.
package struct ObservedAgent: Sendable, Codable {
  package var id: AgentID
  package var uid: AgentUID
  /// The generation that the node acted on last.
  package var generation: Int64
  package var phase: AgentPhase
  package var reason: String?
  package var fault: Fault?
  package var layers: [LayerStatus]
  package var address: String?
  /// Name of the host's end of the agent's veth pair.
  package var interface: String?
  package var imageDigest: String?
  package var restarts: Int
  package var lastExit: AgentExit?
  /// How the run before this one ended, in words.
  package var lastTermination: String?
  package var startedAt: Date?
  /// A wish to destroy was carried out: nothing of the agent is left.
  package var destroyed: Bool
  /// What was read as the agent and is held for it.
  package var secrets: [SecretReading]?

  package init(
    id: AgentID, uid: AgentUID, generation: Int64, phase: AgentPhase, reason: String? = nil, fault: Fault? = nil,
    layers: [LayerStatus] = [], address: String? = nil, interface: String? = nil, imageDigest: String? = nil,
    restarts: Int = 0, lastExit: AgentExit? = nil, lastTermination: String? = nil, startedAt: Date? = nil,
    destroyed: Bool = false, secrets: [SecretReading]? = nil
  ) {
    self.id = id
    self.uid = uid
    self.generation = generation
    self.phase = phase
    self.reason = reason
    self.fault = fault
    self.layers = layers
    self.address = address
    self.interface = interface
    self.imageDigest = imageDigest
    self.restarts = restarts
    self.lastExit = lastExit
    self.lastTermination = lastTermination
    self.startedAt = startedAt
    self.destroyed = destroyed
    self.secrets = secrets
  }
}

/// A version of a secret that was read; never its value.
package struct SecretReading: Sendable, Hashable, Codable {
  package var reference: SecretReference
  package var version: Int

  package init(_ reference: SecretReference, version: Int) {
    self.reference = reference
    self.version = version
  }
}
