import APIModel
import AgentModel
import Faults
import HTTPTypes
import Hummingbird
import Proxy
import Storage

extension API {
  func addSessionRoutes(to router: Router<APIContext>) {
    router.post("/v1/session", use: beginSession)
    router.get("/v1/session", use: showSession)
    router.delete("/v1/session", use: endSession)
  }

  /// Logs a browser in: the token is shown once, as to every route, and the cookie stands for it from then on.
  @Sendable private func beginSession(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let operation = "log in to the dashboard"
    guard context.isGateway, context.session == nil, let shown = request.headers[.authorization],
      let token = try await authenticator.token(shown: shown)
    else {
      throw Fault(
        .denied, operation: operation, reason: "a session is for a browser that shows a token to the gateway",
        remedy: "open the dashboard at the gateway's address")
    }
    try await audit.require(sessionEvent("session.create", principal, request))
    let (session, cookie) = sessions.begin(token)
    var response = try jsonResponse(SessionResource(session, principal), status: .created)
    response.setCookie(sessionCookie(cookie, life: Sessions.life))
    return response
  }

  @Sendable private func showSession(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    return try jsonResponse(SessionResource(try session(context), principal))
  }

  @Sendable private func endSession(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let session = try session(context)
    try await audit.require(sessionEvent("session.delete", principal, request))
    sessions.end(session)
    streams.end(of: session)
    var response = Response(status: .noContent)
    response.setCookie(sessionCookie("", life: .zero))
    return response
  }

  private func sessionEvent(_ action: String, _ principal: Principal, _ request: Request) -> AuditEvent {
    var details: [String: String] = [:]
    if let name = HTTPField.Name(GatewayLayout.clientAddressHeader), let address = request.headers[name] {
      details["address"] = String(address.prefix(64))
    }
    return AuditEvent(
      actor: principal.name, action: action, target: "dashboard", outcome: "allowed", details: details)
  }
}

func session(_ context: APIContext) throws -> Session {
  guard let session = context.session else {
    throw Fault(
      .notFound, operation: "read the session", reason: "the request came without one",
      remedy: "log in with 'POST /v1/session'")
  }
  return session
}

/// No script reads it, and no other site has it sent.
func sessionCookie(_ value: String, life: Duration) -> Cookie {
  Cookie(
    name: GatewayLayout.sessionCookie, value: value, maxAge: Int(life.components.seconds), path: "/", secure: true,
    httpOnly: true, sameSite: .strict)
}

extension SessionResource {
  init(_ session: Session, _ principal: Principal) {
    self.init(
      name: principal.name, role: principal.role, tenant: principal.tenant, csrfToken: session.csrfToken,
      expiresAt: session.expires)
  }
}
