import APIModel
import AgentModel
import CertificateAuthority
import Faults
import HTTPTypes
import Hummingbird
import NodeProtocol
import Storage

extension API {
  func addIdentityRoutes(to router: Router<APIContext>) {
    router.get("/v1/identity", use: whoAmI)
    router.get("/v1/trust-bundle", use: trustBundle)
    for method in [HTTPRequest.Method.get, .head, .post, .put, .patch, .delete, .options] {
      router.on("/internal/authorize/**", method: method, use: authorizeAgentCall)
    }
  }

  @Sendable private func whoAmI(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    var id: SPIFFEID?
    if case .agent(let agent) = principal.kind, let domain = identity?.trustDomain {
      id = .agent(agent, in: domain)
    }
    return try jsonResponse(
      IdentityResource(name: principal.name, role: principal.role, tenant: principal.tenant, spiffeID: id))
  }

  /// The roots that vouch for the platform's certificates, PEM: nothing secret.
  @Sendable private func trustBundle(_ request: Request, _ context: APIContext) async throws -> Response {
    guard let identity else {
      throw Fault(
        .unavailable, operation: "read the trust bundle", reason: "there is no certificate authority",
        remedy: "see 'lobstack status'")
    }
    return Response(
      status: .ok, headers: [.contentType: "application/pem-certificate-chain"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: identity.authority.bundle.pem)))
  }

  /// The gateway's question whether a caller may speak to an agent: the request's own method and token, its path behind
  /// a prefix (Envoy's ext_authz over HTTP). Any answer but 200 is the caller's answer.
  @Sendable private func authorizeAgentCall(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    guard context.isGateway else {
      throw Fault(
        .denied, operation: "authorise a call of an agent", reason: "only the gateway asks that",
        remedy: "call the agent through the gateway")
    }
    let parts = request.uri.path.split(separator: "/", omittingEmptySubsequences: false)
    // "", internal, authorize, agents, tenant, name, …
    guard parts.count >= 6, parts[3] == "agents", let tenant = TenantName(String(parts[4])),
      let name = AgentName(String(parts[5]))
    else {
      throw Fault(
        .notFound, operation: "call an agent", reason: "the path names no agent",
        remedy: "use /agents/<tenant>/<name>/…")
    }
    let id = AgentID(tenant: tenant, name: name)
    let operation = "call agent \(id)"
    let stored = try await agents.find(id, .change, by: principal, operation: operation)
    guard !stored.agent.spec.ports.isEmpty else {
      throw Fault(
        .notFound, operation: operation, reason: "the agent lists no ports",
        remedy: "add 'ports: {http: 8080}' to its spec")
    }
    guard view.agent(stored.uid)?.phase == .running else {
      throw Fault(
        .unavailable, operation: operation, reason: "the agent does not run",
        remedy: "see 'lobstack agent get \(id)'")
    }
    return Response(status: .ok)
  }
}
