import AgentModel
import Blueprint
import Documents
import Foundation
import KubernetesRendering
import Proxy
import Testing

/// Agents of every kind of thing, rendered with the policy of this repository.
enum AgentExample {
  static let policyDirectory = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../policy")
    .standardizedFileURL.path(percentEncoded: false)
  static let now = Date(timeIntervalSince1970: 1_790_000_000)

  private static let loaded = Result { try Policy.load(directory: policyDirectory) }
  static func policy() throws -> Policy { try loaded.get() }

  static func values(_ text: String = "tenants: {default: , acme: }") throws -> Values {
    try Values(text, source: "values")
  }

  static func agent(_ name: String = "one", tenant: String = "acme", _ more: String = "") throws -> Agent {
    try parseAgent(
      """
      apiVersion: lobstack.dev/v1
      kind: Agent
      metadata: {name: "\(name)", tenant: \(tenant)}
      spec:
        image: docker://registry.example.com/agents/one:1.4
        ports: {http: 8080, chat: 8765}
        secrets: [{name: crm-token}, {name: own}]
        egress:
          - {host: api.anthropic.com, credential: {secret: key, header: x-api-key}, methods: [POST], paths: [/v1/messages]}
          - {host: files.example.com, expires: "2026-12-01T00:00:00Z"}
      \(more)
      """, source: "agent")
  }

  static func manifests(
    _ agent: Agent, values: Values? = nil, now: Date = now, options: AgentManifests.Options = .init()
  ) throws -> AgentManifests {
    try AgentManifests(
      agent, values: try values ?? Self.values(), policy: try policy(), now: now, options: options,
      gateway: GatewayConfiguration(arguments: PairedGateway.arguments, files: PairedGateway.files))
  }

  /// An object as the API gets it.
  static func fields(_ object: any ClusterObject) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: JSONEncoder().encode(object)) as? [String: Any])
  }

  static func platformObjects(_ values: Values) throws -> [any ClusterObject] {
    let platform = try PlatformManifests(
      values: values, texts: PolicyTexts(directory: policyDirectory), rules: try policy(), agentIngress: .example)
    return platform.files.flatMap { file -> [any ClusterObject] in
      guard case .objects(let objects) = file.content else { return [] }
      return objects
    }
  }
}

extension AgentIngressConfiguration {
  static let example = AgentIngressConfiguration(arguments: AgentIngress.arguments) { controlPlane, isInMesh in
    AgentIngress.files(
      isInMesh ? .mesh : .tls(directory: AgentIngressLayout.certificate), controlPlane: controlPlane)
  }
}
