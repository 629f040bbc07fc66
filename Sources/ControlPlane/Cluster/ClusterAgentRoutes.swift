import APIModel
import AgentModel
import Blueprint
import ClusterAgents
import Faults
import HTTPTypes
import Hummingbird
import KubernetesAPI

extension ClusterAPI {
  func addAgentRoutes(to router: Router<APIContext>) {
    router.get("/v1/agents", use: listAgents)
    router.post("/v1/agents", use: createAgent)
    router.get("/v1/tenants/{tenant}/agents/{name}", use: getAgent)
    router.put("/v1/tenants/{tenant}/agents/{name}", use: putAgent)
    router.delete("/v1/tenants/{tenant}/agents/{name}", use: deleteAgent)
    router.post("/v1/tenants/{tenant}/agents/{name}/start", use: startAgent)
    router.post("/v1/tenants/{tenant}/agents/{name}/stop", use: stopAgent)
  }

  @Sendable private func listAgents(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let query = try AgentListQuery(request)
    let tenants = try await access.tenants(for: principal, wanted: query.tenant, operation: "list agents")
    try requireList(operation: "list agents")
    let found = cache.agents(after: query.cursor, limit: query.limit + 1) { id, agent in
      tenants.contains(id.tenant) && (query.phase == nil || query.phase == agent.phase)
        && (query.search.map { agent.has($0.lowercased(), id: id) } ?? true)
    }
    let page = found.prefix(query.limit)
    return try jsonResponse(
      Page(
        items: page.compactMap { AgentResource($0.agent, tenant: $0.id.tenant, limits: limitsOfTier) },
        next: found.count > query.limit ? page.last?.id.description : nil))
  }

  /// - Throws: `Fault(.unavailable)` before all Agents were told once.
  func requireList(operation: String) throws {
    guard !cache.isThere else { return }
    throw cache.failure?.asUnavailable(operation)
      ?? Fault(
        .unavailable, operation: operation, reason: "the agents are not known yet",
        remedy: "try again in a few seconds")
  }

  @Sendable private func createAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let agent = try parseAgent(try await text(of: request), source: "request body")
    let key = try idempotencyKey(of: request)
    return try created(try await agents.create(agent, by: principal, key: key), agent.id)
  }

  @Sendable private func getAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    return try answer(
      try await agents.find(id, .get, by: try context.principal, operation: "read agent \(id)"), id)
  }

  @Sendable private func putAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let agent = try parseAgent(try await text(of: request), source: "request body")
    guard agent.id == id else {
      throw Fault(
        .invalid, operation: "write agent \(id)", reason: "the document is of agent \(agent.id)",
        remedy: "let path and metadata name the same tenant and agent")
    }
    let (written, isNew) = try await agents.put(
      agent, by: principal, mustBeNew: try mustBeNew(request), ifVersion: try matchedVersion(request),
      mustExist: request.headers[.ifMatch] != nil)
    return isNew ? try created(written, id) : try answer(written, id)
  }

  @Sendable private func deleteAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    return try answer(
      try await agents.delete(id, by: try context.principal, ifVersion: try matchedVersion(request)), id,
      status: .accepted)
  }

  @Sendable private func startAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    return try answer(try await agents.start(id, by: try context.principal), id, status: .accepted)
  }

  @Sendable private func stopAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    return try answer(try await agents.stop(id, by: try context.principal), id, status: .accepted)
  }

  private func created(_ agent: AgentObject, _ id: AgentID) throws -> Response {
    var response = try answer(agent, id, status: .created)
    response.headers[.location] = "/v1/tenants/\(id.tenant)/agents/\(id.name)"
    return response
  }

  func answer(_ agent: AgentObject, _ id: AgentID, status: HTTPResponse.Status = .ok) throws -> Response {
    guard let resource = AgentResource(agent, tenant: id.tenant, limits: limitsOfTier),
      let version = agent.object.resourceVersion
    else {
      throw Fault(
        .failed, operation: "show agent \(id)", reason: "the object of that name is no Agent of this version",
        remedy: "see 'kubectl get agent \(id.name) --namespace \(agent.key.namespace) --output yaml'")
    }
    return try jsonResponse(resource, status: status, headers: [.eTag: "\"\(version)\""])
  }
}

/// The state that `If-Match` names; `nil` without the header and for `*`.
private func matchedVersion(_ request: Request) throws -> String? {
  guard let text = request.headers[.ifMatch], text != "*" else { return nil }
  guard text.count > 2, text.utf8.count <= 128, text.hasPrefix("\""), text.hasSuffix("\"") else {
    throw Fault(
      .invalid, operation: "read the If-Match header", reason: "'\(text.prefix(80))' is not an ETag of this API",
      remedy: "send the ETag of the agent's last answer")
  }
  return String(text.dropFirst().dropLast())
}
