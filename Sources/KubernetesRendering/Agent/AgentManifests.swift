import AgentModel
import Blueprint
import Documents
import Faults
import FoundationEssentials

/// One agent as objects of a cluster: a pure function of the Agent, the policy, the values and the time.
package struct AgentManifests: Sendable {
  /// In the order of application: the Pod comes last, when all that bounds it is there.
  package let objects: [any ClusterObject]
  /// When they have to be made anew, because an egress rule ends; `nil` for never.
  package let changesAt: UTCTime?
  private let id: AgentID

  /// - Parameters:
  ///   - now: Egress that has ended by then opens nothing.
  ///   - gateway: What the Envoy of the agent's gateway is told.
  /// - Throws: `Fault(.invalid)` for a tenant without a namespace, `Fault(.unsupported)` for an image that no cluster
  ///   can pull and for a policy that no cluster enforces.
  package init(
    _ agent: Agent, values: Values, policy: Policy, now: Date, options: Options = Options(),
    gateway: GatewayConfiguration
  ) throws {
    _ = try values.namespace(of: agent.id, operation: "render agent \(agent.id)")
    guard "\(agent.id.name)" != "default" else {
      throw Fault(
        .invalid, operation: "render agent \(agent.id)",
        reason: "'default' is the service account of every Pod that names none", remedy: "call the agent otherwise")
    }
    if let port = agent.spec.ports.keys.sorted().first(where: { !Self.isPortName($0) }) {
      throw Fault(
        .invalid, operation: "render agent \(agent.id)", reason: "'\(port)' is no name of a port on a cluster",
        remedy: "use one with a letter, and without two '-' together")
    }
    id = agent.id
    var agent = agent
    agent.spec.egress.removeAll { !$0.isOpen(at: now) }
    changesAt = agent.spec.egress.compactMap(\.expires).min()
    let rendering = AgentRendering(
      agent: agent, blueprint: Blueprint(agent: agent, policy: policy), values: values, policy: policy,
      options: options, gateway: gateway)
    objects = try rendering.bounds + rendering.gatewayObjects + rendering.own
  }

  /// A service name of IANA (RFC 6335 §5.1), as the API wants it.
  private static func isPortName(_ name: String) -> Bool { name.contains(where: \.isLetter) && !name.contains("--") }

  /// The file of all of them, beside those of the platform.
  package var file: ManifestFile { ManifestFile("agents/\(id.tenant)/\(id.name).yaml", objects) }

  package struct Options: Hashable, Sendable {
    /// A `Sandbox` of kubernetes-sigs/agent-sandbox instead of the Pod.
    package var usesSandboxes = false
    /// Secrets that are set for the agent itself; the others are its tenant's.
    package var ownSecrets: Set<SecretName> = []

    package init() {}
  }
}

/// What runs an agent's gateway. The room that knows Envoy gives it.
package struct GatewayConfiguration: Sendable {
  /// Of Envoy.
  package var arguments: [String]
  /// Files by name, for an agent and the Service by which its namespace finds it.
  package var files: @Sendable (_ agent: Agent, _ service: String) -> [String: String]

  package init(
    arguments: [String], files: @escaping @Sendable (_ agent: Agent, _ service: String) -> [String: String]
  ) {
    self.arguments = arguments
    self.files = files
  }
}

/// What an agent's objects are made of. Each kind of them has a file beside this one.
struct AgentRendering {
  /// With the egress that is open.
  let agent: Agent
  let blueprint: Blueprint
  let values: Values
  let policy: Policy
  let options: AgentManifests.Options
  let gateway: GatewayConfiguration
  /// Of the gateway, by name: the larger part of the work, and asked for more than once.
  let gatewayTexts: [String: String]

  init(
    agent: Agent, blueprint: Blueprint, values: Values, policy: Policy, options: AgentManifests.Options,
    gateway: GatewayConfiguration
  ) {
    self.agent = agent
    self.blueprint = blueprint
    self.values = values
    self.policy = policy
    self.options = options
    self.gateway = gateway
    gatewayTexts = gateway.files(agent, AgentNames(agent.id.name).agentService)
  }

  var namespace: String { values.namespace(of: agent.id.tenant) }
  var names: AgentNames { AgentNames(agent.id.name) }

  /// What has to be there before anything runs.
  var bounds: [any ClusterObject] {
    get throws { [account] + networkPolicies + (try meshObjects) + secretClasses + [workspace] }
  }

  var gatewayObjects: [any ClusterObject] { [gatewayFiles, gatewayService, gatewayDeployment] }

  var own: [any ClusterObject] {
    get throws { (agent.spec.ports.isEmpty ? [] : [agentService]) + [try pod] }
  }

  func meta(_ name: String, of part: String) -> ObjectMeta {
    let own = [AgentLabel.name: "\(agent.id.name)", tenantLabel: "\(agent.id.tenant)"]
    return ObjectMeta(name: name, namespace: namespace, labels: Platform.labels(part).merging(own) { $1 })
  }
}

/// Labels by which an agent's objects find each other. An agent's own labels cannot have this prefix.
package enum AgentLabel {
  /// `true` on the Pods of agents.
  package static let agent = "lobstack.dev/agent"
  /// On everything of an agent: its name.
  package static let name = "lobstack.dev/name"
  /// On the Pod of a gateway: the agent's name.
  package static let gatewayOf = "lobstack.dev/gateway-of"
  /// Whether Istio puts its proxy into a Pod.
  static let sidecar = "sidecar.istio.io/inject"
}
