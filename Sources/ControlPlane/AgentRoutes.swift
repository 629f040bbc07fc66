import APIModel
import AgentModel
import Blueprint
import Faults
import HTTPTypes
import Hummingbird
import NodeProtocol
import Storage

extension API {
  func addAgentRoutes(to router: Router<APIContext>) {
    router.get("/v1/agents", use: listAgents)
    router.post("/v1/agents", use: createAgent)
    router.get("/v1/tenants/{tenant}/agents/{name}", use: getAgent)
    router.put("/v1/tenants/{tenant}/agents/{name}", use: putAgent)
    router.delete("/v1/tenants/{tenant}/agents/{name}", use: deleteAgent)
    router.post("/v1/tenants/{tenant}/agents/{name}/start", use: startAgent)
    router.post("/v1/tenants/{tenant}/agents/{name}/stop", use: stopAgent)
    router.post("/v1/tenants/{tenant}/agents/{name}/respond", use: respond)
  }

  @Sendable private func listAgents(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "list agents")
    let query = try AgentListQuery(request)
    if let wanted = query.tenant, !principal.sees(wanted) {
      return try jsonResponse(Page<AgentResource>(items: []))
    }
    let phase = query.phase
    let seen = phase.map { _ in view.agents }
    let stored = try await store.agents(
      tenant: query.tenant ?? principal.tenant, after: query.cursor, search: query.search, limit: query.limit + 1
    ) { uid in phase == nil || (seen?[uid]?.phase ?? .pending) == phase }
    var items: [AgentResource] = []
    for agent in stored.prefix(query.limit) { items.append(await agentView.resource(agent)) }
    return try jsonResponse(
      Page(items: items, next: stored.count > query.limit ? items.last?.id.description : nil))
  }

  @Sendable private func createAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.change, of: principal, operation: "create an agent")
    let document = try await text(of: request)
    let agent = try parseAgent(document, source: "request body")
    let key = agents.idempotencyKey(try idempotencyKey(of: request), of: principal, document: document)
    return try await created(try await agents.create(agent, by: principal, key: key))
  }

  @Sendable private func getAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    let stored = try await agents.find(id, .view, by: try context.principal, operation: "read agent \(id)")
    return try await answer(stored)
  }

  @Sendable private func putAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "write agent \(id)"
    try await access.require(.change, on: id, of: principal, operation: operation)
    let agent = try parseAgent(try await text(of: request), source: "request body")
    guard agent.id == id else {
      throw Fault(
        .invalid, operation: operation, reason: "the document is of agent \(agent.id)",
        remedy: "let path and metadata name the same tenant and agent")
    }
    let (mustBeNew, generation) = (try mustBeNew(request), try matchedGeneration(request))
    let exists = try await store.agent(id) != nil
    if mustBeNew, exists {
      throw HTTPFault(
        status: .preconditionFailed,
        fault: Fault(
          .alreadyExists, operation: operation, reason: "the agent exists", remedy: "leave If-None-Match out"))
    }
    if exists {
      return try await answer(try await agents.replace(agent, by: principal, ifGeneration: generation))
    }
    guard request.headers[.ifMatch] == nil else {
      throw HTTPFault(
        status: .preconditionFailed,
        fault: Fault(
          .notFound, operation: operation, reason: "the agent does not exist", remedy: "leave If-Match out to create it"
        ))
    }
    return try await created(try await agents.create(agent, by: principal, key: nil))
  }

  @Sendable private func deleteAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    try await answer(
      try await agents.delete(
        try agentID(context), by: try context.principal, ifGeneration: try matchedGeneration(request)),
      status: .accepted)
  }

  @Sendable private func startAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    try await answer(try await agents.start(try agentID(context), by: try context.principal), status: .accepted)
  }

  @Sendable private func stopAgent(_ request: Request, _ context: APIContext) async throws -> Response {
    try await answer(try await agents.stop(try agentID(context), by: try context.principal), status: .accepted)
  }

  /// What an operator wants done about an agent that misbehaves.
  @Sendable private func respond(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "respond to agent \(id)"
    let stored = try await agents.find(id, .change, by: principal, operation: operation)
    let wanted = try await json(ResponseRequest.self, of: request).response
    try await agents.respond(wanted, to: stored, by: principal, through: node, instance: instance)
    return try await answer(stored)
  }

  private func created(_ stored: StoredAgent) async throws -> Response {
    var response = try await answer(stored, status: .created)
    response.headers[.location] = "/v1/tenants/\(stored.id.tenant)/agents/\(stored.id.name)"
    return response
  }

  private func answer(_ stored: StoredAgent, status: HTTPResponse.Status = .ok) async throws -> Response {
    try jsonResponse(await agentView.resource(stored), status: status, headers: [.eTag: etag(stored)])
  }

  private func etag(_ stored: StoredAgent) -> String { "\"\(stored.generation)\"" }
}

extension HTTPField.Name {
  static var idempotencyKey: Self { HTTPField.Name(parsed: "idempotency-key") ?? .via }
}
