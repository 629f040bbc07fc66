import APIModel
import Faults
import HTTPTypes
import Hummingbird

extension ClusterAPI {
  func addSessionRoutes(to router: Router<APIContext>) {
    router.post("/v1/session", use: beginSession)
    router.get("/v1/session", use: showSession)
    router.delete("/v1/session", use: endSession)
  }

  @Sendable private func beginSession(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let operation = "log in to the dashboard"
    guard let sessions else {
      throw HTTPFault(
        status: .notImplemented,
        fault: Fault(
          .unsupported, operation: operation, reason: "the control plane has no key for sessions",
          remedy: "make the Secret control-plane-session: docs/reference/kubernetes-control-plane.md"))
    }
    guard context.session == nil, let token = request.headers[.authorization].flatMap(ClusterAuthenticator.token)
    else {
      throw Fault(
        .denied, operation: operation, reason: "a session is for a browser that shows a token",
        remedy: "send 'Authorization: Bearer' with a token, and no cookie")
    }
    let (session, cookie) = try sessions.begin(token: token)
    try await audit.require(event("session.create", principal))
    var response = try jsonResponse(SessionResource(session, principal), status: .created)
    response.setCookie(sessionCookie(cookie, life: Sessions.life))
    return response
  }

  @Sendable private func showSession(_ request: Request, _ context: APIContext) async throws -> Response {
    try jsonResponse(SessionResource(try session(context), try context.principal))
  }

  /// Nothing is kept of a session, so that only this browser forgets it: a cookie that was copied counts until its token
  /// expires.
  @Sendable private func endSession(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    streams.end(of: try session(context))
    try await audit.require(event("session.delete", principal))
    var response = Response(status: .noContent)
    response.setCookie(sessionCookie("", life: .zero))
    return response
  }

  private func event(_ action: String, _ principal: Principal) -> AuditEvent {
    AuditEvent(actor: principal.name, action: action, target: "dashboard", outcome: "allowed")
  }
}
