import AgentModel
import Foundation
import Manifests

/// Writes an Agent as its owner would write it, YAML (`lobstack.dev/v1`): `parseAgent` reads the same Agent.
package struct AgentText: Sendable {
  /// Where the document is for.
  package enum Target: Hashable, Sendable {
    /// One machine, or `lobstack render kubernetes -f`.
    case machine
    /// The API of a cluster: the namespace says whose the Agent is.
    case cluster(namespace: String)
  }

  package let description: String
  /// The same as JSON.
  package let json: [UInt8]

  package init(_ agent: Agent, for target: Target = .machine) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.withoutEscapingSlashes]
    json = Array(try encoder.encode(Document(agent, target)))
    description = try YAMLText(json: json).description
  }
}

private struct Document: Encodable {
  let apiVersion = "lobstack.dev/v1"
  let kind = "Agent"
  var metadata: Metadata
  var spec: Spec

  init(_ agent: Agent, _ target: AgentText.Target) {
    metadata = Metadata(name: agent.id.name, labels: agent.labels.isEmpty ? nil : agent.labels)
    switch target {
    case .machine: metadata.tenant = agent.id.tenant
    case .cluster(let namespace): metadata.namespace = namespace
    }
    spec = Spec(agent.spec)
  }

  struct Metadata: Encodable {
    var name: AgentName
    var tenant: TenantName?
    var namespace: String?
    var labels: [String: String]?
  }

  /// What is empty, and so by default, is left out.
  struct Spec: Encodable {
    var image: ImageReference
    var tier: Tier
    var command: [String]?
    var env: [String: String]?
    var workspace: AgentSpec.Workspace
    var ports: [String: UInt16]?
    var secrets: NamedSecrets?
    var egress: [EgressAllowance]?
    var restartPolicy: AgentSpec.RestartPolicy
    var response: AgentResponse

    init(_ spec: AgentSpec) {
      image = spec.image
      tier = spec.tier
      command = spec.command
      env = spec.env.isEmpty ? nil : spec.env
      workspace = spec.workspace
      ports = spec.ports.isEmpty ? nil : spec.ports
      secrets = spec.secrets.isEmpty ? nil : NamedSecrets(wrappedValue: spec.secrets)
      egress = spec.egress.isEmpty ? nil : spec.egress
      restartPolicy = spec.restartPolicy
      response = spec.response
    }
  }
}
