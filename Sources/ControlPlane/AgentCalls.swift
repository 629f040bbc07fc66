import AgentModel
import Faults
import HTTPTypes
import Hummingbird
import Proxy
import TextEncodings

/// The question whether a caller may speak to an agent: the request's own method and token, its path behind a prefix
/// (Envoy's ext_authz over HTTP). Any answer but 200 is the caller's answer.
enum AgentCall {
  static let path = "\(GatewayLayout.authorizationPath)/**"
  static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

  /// The agent that is called.
  ///
  /// - Throws: `Fault(.notFound)` for a path that names none.
  static func agent(of request: Request) throws -> AgentID {
    let parts = request.uri.path.split(separator: "/", omittingEmptySubsequences: false)
    // "", internal, authorize, agents, tenant, name, …
    guard parts.count >= 6, parts[3] == "agents", let tenant = TenantName(String(parts[4])),
      let name = AgentName(String(parts[5]))
    else {
      throw Fault(
        .notFound, operation: "call an agent", reason: "the path names no agent",
        remedy: "use /agents/<tenant>/<name>/…")
    }
    return AgentID(tenant: tenant, name: name)
  }

  /// The caller may speak to the agent: the gateway is told who it is, for its log.
  static func allowed(_ caller: Principal, headers: HTTPFields = [:]) -> Response {
    let isPlain = caller.name.utf8.allSatisfy { (0x21...0x7e).contains($0) }
    var headers = headers
    headers[.caller] = isPlain ? caller.name : percentEncoded(caller.name)
    return Response(status: .ok, headers: headers)
  }

  static func require(hasPorts: Bool, operation: String) throws {
    guard !hasPorts else { return }
    throw Fault(
      .notFound, operation: operation, reason: "the agent lists no ports",
      remedy: "add 'ports: {http: 8080}' to its spec")
  }

  static func notRunning(_ id: AgentID, operation: String) -> Fault {
    Fault(
      .unavailable, operation: operation, reason: "the agent does not run",
      remedy: "see 'lobstack agent get \(id)'")
  }
}

extension HTTPField.Name {
  static var caller: Self { HTTPField.Name(parsed: GatewayLayout.callerHeader) ?? .via }
}
