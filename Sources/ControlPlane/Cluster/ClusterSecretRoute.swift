import APIModel
import AgentModel
import ClusterAgents
import Hummingbird
import JSONValues
import KubernetesAPI

extension ClusterAPI {
  func addSecretRoute(to router: Router<APIContext>) {
    router.get("/v1/secrets", use: listSecrets)
  }

  /// The control plane has no login at the secrets manager: what it knows of secrets stands in the Agents, and whoever may
  /// list them knows it too.
  @Sendable private func listSecrets(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "list secrets"
    let principal = try context.principal
    let tenants = try await access.tenants(for: principal, wanted: nil, operation: operation)
    try requireList(operation: operation)
    let (slot, _) = try secretReaders.take(principal, operation: operation)
    defer { secretReaders.giveBack(slot) }
    return try jsonResponse(
      Page(items: SecretResource.named(by: cache.agents { id, _ in tenants.contains(id.tenant) })))
  }
}

extension SecretResource {
  /// The secrets that documents name, in order. On a cluster each is of its whole tenant.
  static func named(by agents: [(id: AgentID, agent: AgentObject)]) -> [SecretResource] {
    var found: [SecretReference: SecretResource] = [:]
    for (id, agent) in agents {
      // Of one that is not right as it stands, what was accepted last is in force.
      guard let spec = try? (agent.accepted ?? agent).agent(tenant: id.tenant).spec else { continue }
      // A volume of secrets is mounted once all of them are there, and no container starts before.
      let uses = [
        (spec.secrets, agent.isTrue("Ready")),
        (spec.egress.compactMap(\.credential?.secret), agent.isTrue("GatewayReady")),
      ]
      for (names, isRunning) in uses {
        for name in names {
          let reference = SecretReference(tenant: id.tenant, agent: nil, name: name)
          // In place: a secret may have ten thousand users.
          found[reference, default: SecretResource(reference, agents: [], inUse: false)].add(
            id.name, isRunning: isRunning)
        }
      }
    }
    return found.values.map { ("\($0.tenant)", "\($0.name)", $0) }.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  private mutating func add(_ agent: AgentName, isRunning: Bool) {
    if agents?.last != agent { agents?.append(agent) }
    if isRunning { inUse = true }
  }
}

extension AgentObject {
  /// Whether the operator says so of the document as it stands.
  fileprivate func isTrue(_ condition: String) -> Bool {
    let said = object["status", "conditions"]?.array?.first { $0["type"]?.string == condition }
    return said?["status"]?.string == "True" && said?["observedGeneration"]?.int == generation
  }
}
