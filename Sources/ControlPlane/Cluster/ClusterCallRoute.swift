import AgentModel
import ClusterAgents
import HTTPTypes
import Hummingbird
import JSONValues
import KubernetesAPI
import KubernetesRendering

extension ClusterAPI {
  func addCallRoute(to router: Router<APIContext>) {
    for method in AgentCall.methods { router.on("\(AgentCall.path)", method: method, use: authorizeAgentCall) }
  }

  /// The answer says where the agent is reached; nobody else knows. It is a secret to nobody who may call the agent, so
  /// that it does not matter who asks. It comes from the watch: a call costs the API server nothing.
  @Sendable private func authorizeAgentCall(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try AgentCall.agent(of: request)
    let operation = "call agent \(id)"
    let namespace = try await access.require(.create, .proxy, on: id, of: principal, operation: operation)
    try requireList(operation: operation)
    guard let found = cache.agent(id) else { throw Access.unknown(id, operation: operation) }
    try AgentCall.require(hasPorts: found.object["spec", "ports"]?.object?.isEmpty == false, operation: operation)
    guard found.phase == .running, !found.isBeingDeleted else { throw AgentCall.notRunning(id, operation: operation) }
    return AgentCall.allowed(
      principal, headers: [.agentGateway: "\(AgentNames(id.name).gatewayService).\(namespace)"])
  }
}

extension HTTPField.Name {
  static var agentGateway: Self { HTTPField.Name(parsed: AgentIngressLayout.destinationHeader) ?? .via }
}
