import APIModel
import AgentModel
import Faults
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Storage

extension API {
  func addTokenRoutes(to router: Router<APIContext>) {
    router.get("/v1/tokens", use: listTokens)
    router.post("/v1/tokens", use: createToken)
    router.delete("/v1/tokens/{id}", use: revokeToken)
  }

  private static let mostTokens = 1_000
  private static let longestLife = 10 * 366 * 24 * 3600

  @Sendable private func listTokens(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "list tokens")
    return try jsonResponse(Page(items: try await store.tokens()))
  }

  @Sendable private func createToken(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.administer, of: principal, operation: "create a token")
    let wanted = try await json(TokenRequest.self, of: request)
    try await check(wanted)
    let now = Date.now
    let token = TokenResource(
      id: AgentUID.random().description, name: wanted.name, role: wanted.role, tenant: wanted.tenant, createdAt: now,
      expiresAt: wanted.expiresInSeconds.map { now.addingTimeInterval(TimeInterval($0)) }, lastUsedAt: nil)
    var details = ["role": wanted.role.rawValue]
    if let tenant = wanted.tenant { details["tenant"] = "\(tenant)" }
    if let seconds = wanted.expiresInSeconds { details["expires.seconds"] = "\(seconds)" }
    let event = AuditEvent(
      actor: principal.name, action: "token.create", target: "token \(token.name) (\(token.id))", outcome: "allowed",
      details: details)
    try await audit.require(event)
    let secret = TokenSecret.random()
    try await recordingFailure(event) { try await store.insert(token, hash: TokenSecret.hash(secret)) }
    return try jsonResponse(CreatedToken(token: token, secret: secret), status: .created)
  }

  @Sendable private func revokeToken(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = context.parameters.get("id") ?? ""
    let operation = "revoke token \(id.prefix(80))"
    try await access.require(.administer, of: principal, operation: operation)
    guard let token = try await store.tokens().first(where: { $0.id == id }) else {
      throw Fault(
        .notFound, operation: operation, reason: "there is no such token",
        remedy: "list them with 'lobstack token list'")
    }
    let event = AuditEvent(
      actor: principal.name, action: "token.revoke", target: "token \(token.name) (\(id))", outcome: "allowed")
    try await audit.require(event)
    try await recordingFailure(event) { try await store.removeToken(id) }
    streams.end(ofToken: id)
    sessions.end(ofToken: id)
    return Response(status: .noContent)
  }

  private func check(_ wanted: TokenRequest) async throws {
    func invalid(_ reason: String, _ remedy: String) -> Fault {
      Fault(.invalid, operation: "create a token", reason: reason, remedy: remedy)
    }
    guard isDNSLabel(wanted.name) else {
      throw invalid("the name '\(wanted.name.prefix(80))' is not valid", "give \(AgentName.rule)")
    }
    guard wanted.role != .admin || wanted.tenant == nil else {
      throw invalid("an admin is not bound to a tenant", "leave the tenant out, or choose the role operator")
    }
    if let seconds = wanted.expiresInSeconds, !(1...Self.longestLife).contains(seconds) {
      throw invalid("\(seconds) seconds is not between 1 and \(Self.longestLife)", "choose a time in that range")
    }
    guard try await store.tokens().count < Self.mostTokens else {
      throw Fault(
        .exhausted, operation: "create a token", reason: "there are \(Self.mostTokens) tokens already",
        remedy: "revoke tokens that nobody uses")
    }
  }

  func recordingFailure<Value: Sendable>(_ event: AuditEvent, _ body: () async throws -> Value) async throws -> Value {
    do { return try await body() } catch {
      var outcome = event
      outcome.outcome = "failed"
      outcome.details = ["reason": (error as? Fault)?.reason ?? "unexpected error"]
      await audit.note(outcome)
      throw error
    }
  }
}
