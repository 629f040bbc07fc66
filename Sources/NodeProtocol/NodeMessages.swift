import AgentModel
import Documents
import Faults
import FoundationEssentials

/// Everything that the control plane may ask of the node: the whole input of the only root process.
///
/// One request travels on one connection. `exec` and `logs` go on as a stream of frames; the others are answered by one
/// `NodeReply`.
package enum NodeRequest: Sendable, Codable {
  /// Who are you, and are you well?
  case describe
  /// Make the machine look like this. Answered as soon as the node has stored it.
  case apply(DesiredState)
  /// What is there? Answered at once when the node's revision is past `after`, else at the next change or after
  /// `waitSeconds`.
  case observe(after: UInt64, waitSeconds: Int)
  case exec(uid: AgentUID, command: [String], env: [String: String], directory: String?)
  /// The last `tailBytes` of the agent's output, then what follows if `follow`.
  case logs(uid: AgentUID, tailBytes: Int, follow: Bool)
}

package enum NodeReply: Sendable, Codable {
  case described(NodeDescription)
  case accepted(revision: Int64)
  case observed(ObservedState)
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

  package init(
    instance: InstanceName, processID: Int32, startedAt: Date, runtimeVersion: String, runtimePlatform: String
  ) {
    self.instance = instance
    self.processID = processID
    self.startedAt = startedAt
    self.runtimeVersion = runtimeVersion
    self.runtimePlatform = runtimePlatform
  }
}

/// The agents that ought to exist on this machine.
package struct DesiredState: Sendable, Codable {
  /// Rises with every change; the node refuses one lower than it has.
  package var revision: Int64
  package var agents: [DesiredAgent]

  package init(revision: Int64, agents: [DesiredAgent]) {
    self.revision = revision
    self.agents = agents
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
  package var wish: Wish
  package var pod: Pod
  package var networkPolicies: [NetworkPolicy]

  package init(
    id: AgentID, uid: AgentUID, generation: Int64, wish: Wish, pod: Pod, networkPolicies: [NetworkPolicy]
  ) {
    self.id = id
    self.uid = uid
    self.generation = generation
    self.wish = wish
    self.pod = pod
    self.networkPolicies = networkPolicies
  }
}

package struct ObservedState: Sendable, Codable {
  /// The node's own count of changes since it started.
  package var revision: UInt64
  package var agents: [ObservedAgent]

  package init(revision: UInt64, agents: [ObservedAgent]) {
    self.revision = revision
    self.agents = agents
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

  package init(
    id: AgentID, uid: AgentUID, generation: Int64, phase: AgentPhase, reason: String? = nil, fault: Fault? = nil,
    layers: [LayerStatus] = [], address: String? = nil, interface: String? = nil, imageDigest: String? = nil,
    restarts: Int = 0, lastExit: AgentExit? = nil, lastTermination: String? = nil, startedAt: Date? = nil,
    destroyed: Bool = false
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
  }
}
