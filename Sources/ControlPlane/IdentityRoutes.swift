import ACMEClient
import APIModel
import AgentModel
import CertificateAuthority
import Faults
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NodeProtocol
import Proxy
import Storage

extension API {
  func addIdentityRoutes(to router: Router<APIContext>) {
    router.get("/v1/identity", use: whoAmI)
    router.get("/v1/trust-bundle", use: trustBundle)
    router.get("\(RouteTable.revocationList)", use: revocationList)
    router.get("\(GatewayLayout.challengePath){token}", use: challenge)
    for method in AgentCall.methods { router.on("\(AgentCall.path)", method: method, use: authorizeAgentCall) }
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

  /// What the authority takes back of the certificates that it issued (RFC 5280 §5): nothing secret.
  @Sendable private func revocationList(_ request: Request, _ context: APIContext) async throws -> Response {
    guard let identity else {
      throw Fault(
        .unavailable, operation: "read the revocation list", reason: "there is no certificate authority",
        remedy: "see 'lobstack status'")
    }
    let list = try identity.authority.revocationList(at: .now)
    return Response(
      status: .ok, headers: [.contentType: "application/pkix-crl", .cacheControl: "max-age=3600"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: list.der)))
  }

  /// The answer to the question by which an ACME authority finds out that the gateway's names lead here
  /// (RFC 8555 §8.3).
  @Sendable private func challenge(_ request: Request, _ context: APIContext) async throws -> Response {
    guard context.isGateway, let directory = challenges, let token = context.parameters.get("token"),
      let answer = Lego.answer(to: token, in: directory)
    else {
      throw Fault(
        .notFound, operation: "answer a challenge", reason: "no certificate is being asked for with that token",
        remedy: "see the component 'gateway' of 'lobstack status'")
    }
    return Response(
      status: .ok, headers: [.contentType: "application/octet-stream"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: answer)))
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

  @Sendable private func authorizeAgentCall(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    guard context.isGateway else {
      throw Fault(
        .denied, operation: "authorise a call of an agent", reason: "only the gateway asks that",
        remedy: "call the agent through the gateway")
    }
    let id = try AgentCall.agent(of: request)
    let operation = "call agent \(id)"
    let stored = try await agents.find(id, .change, by: principal, operation: operation)
    try AgentCall.require(hasPorts: !stored.agent.spec.ports.isEmpty, operation: operation)
    guard view.agent(stored.uid)?.phase == .running else { throw AgentCall.notRunning(id, operation: operation) }
    return AgentCall.allowed(principal)
  }
}
