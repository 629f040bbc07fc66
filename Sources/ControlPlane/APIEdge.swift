import APIModel
import AgentModel
import Faults
import HTTPTypes
import Hummingbird
import Instruments
import Logging
import NIOCore
import Proxy

/// What every request passes before its route, and every answer after it: who calls, how often, how long; and each
/// error as a problem.
struct APIEdge<Router: HTTPResponder>: HTTPResponder where Router.Context == APIContext {
  typealias Context = APIContext

  let router: Router
  let routes: RouteTable
  let authenticator: any CallerIdentifying
  /// Where a failed authentication is recorded.
  let record: @Sendable (AuditEvent) async throws -> Void
  let peer: @Sendable (any Channel) async -> Peer
  let limits: APILimits
  let requestRate: RateLimiter
  let adminRate: RateLimiter
  /// Whose share a request takes.
  var rateKey: @Sendable (Principal) -> String = { $0.key }
  /// Failed authentications are recorded, but nobody may fill the disk with them.
  let recordedFailures: RateLimiter
  let metrics: RequestMetrics
  let logger: Logger

  func respond(to request: Request, context: APIContext) async throws -> Response {
    let start = ContinuousClock.now
    let peer = await peer(context.channel)
    var context = context
    context.isGateway = peer.isGateway
    // Nobody else's word: the gateway's log and this one call a request the same.
    if context.isGateway, let id = RequestScope.id(from: request.headers[.requestID]) {
      context.requestID = id
      context.logger[metadataKey: "hb.request.id"] = .string(id)
    }
    let known = context
    let response = await RequestScope.$id.withValue(known.requestID) { await respond(to: request, known, peer) }
    metrics.count(request.method, route: known.endpointPath, status: response.status.code, .now - start)
    return scoped(response, known.requestID)
  }

  /// What a stream logs and records, while it flows, is of its request too.
  private func scoped(_ response: Response, _ requestID: String) -> Response {
    guard response.body.contentLength == nil else { return response }
    var scoped = response
    scoped.body = ResponseBody { writer in
      let writer = writer
      try await RequestScope.$id.withValue(requestID) { try await response.body.write(writer) }
    }
    return scoped
  }

  private func respond(to request: Request, _ context: APIContext, _ peer: Peer) async -> Response {
    var response: Response
    do {
      response = try await answer(request, context, peer)
    } catch {
      if !(error is Fault), !(error is HTTPFault), !(error is CancellationError) {
        context.logger.error("Unexpected error", metadata: ["error": "\(error)"])
      }
      response = problemResponse(error)
    }
    response.headers[.requestID] = context.requestID
    return closing(response, after: request, context)
  }

  /// A request that was refused may still be arriving, at its sender's leisure: its connection ends with the answer.
  private func closing(_ response: Response, after request: Request, _ context: APIContext) -> Response {
    let hasBody =
      request.headers[.transferEncoding] != nil || (request.headers[.contentLength].map { $0 != "0" } ?? false)
    let unread: Set<Int> = [401, 403, 404, 405, 413, 429, 504]
    guard hasBody, unread.contains(response.status.code) else { return response }
    var closing = response
    closing.headers[.connection] = "close"
    closing.body = ResponseBody(contentLength: response.body.contentLength) { writer in
      try await response.body.write(writer)
      context.channel.close(promise: nil)
    }
    return closing
  }

  private func answer(_ request: Request, _ context: APIContext, _ peer: Peer) async throws -> Response {
    var context = context
    let path = request.uri.path
    if !RouteTable.isOpen(path) { (context.caller, context.session) = try await caller(request, peer) }
    let routed = context
    let response = try await withDeadline(limits.answer, operation: "answer \(request.method) \(path)") {
      try await router.respond(to: request, context: routed)
    }
    // The router tells of its own failures without a word.
    guard response.status.code >= 400, response.headers[.contentType] != APIProtocol.problemMediaType else {
      return response
    }
    throw routerFault(response.status, request)
  }

  private func caller(_ request: Request, _ peer: Peer) async throws -> (Principal, Session?) {
    do {
      let (principal, session) = try await identify(request, peer)
      try spend(principal.role == .admin ? adminRate : requestRate, rateKey(principal))
      return (principal, session)
    } catch let fault as Fault where fault.code == .unauthenticated {
      let name =
        switch peer {
        case .unix(let uid): "uid \(uid)@unix"
        case .workload(let id): "anonymous@\(id.service?.rawValue ?? "mesh")"
        case .remote: "anonymous@remote"
        }
      try spend(requestRate, name)
      if recordedFailures.take(name) == nil {
        try await record(
          AuditEvent(
            actor: name, action: "authenticate", target: "\(request.method) \(request.uri.path.prefix(200))",
            outcome: "denied", details: ["reason": fault.reason]))
      }
      throw fault
    }
  }

  /// A token goes before a browser's cookie.
  private func identify(_ request: Request, _ peer: Peer) async throws -> (Principal, Session?) {
    let authorization = request.headers[.authorization]
    guard authorization == nil, authenticator.takesCookies(from: peer),
      let cookie = request.cookies[GatewayLayout.sessionCookie]?.value
    else {
      return (try await authenticator.identify(peer: peer, authorization: authorization), nil)
    }
    return try await authenticator.identify(
      cookie: cookie, site: request.headers[.secFetchSite], csrfToken: request.headers[.csrfToken],
      isSafe: [.get, .head].contains(request.method))
  }

  private func spend(_ limiter: RateLimiter, _ key: String) throws {
    guard let wait = limiter.take(key) else { return }
    metrics.rateLimited.add()
    throw HTTPFault(
      status: .tooManyRequests,
      fault: Fault(
        .exhausted, operation: "answer the request", reason: "too many requests from this principal",
        remedy: "wait as long as Retry-After says"),
      headers: [.retryAfter: "\(max(1, wait.components.seconds + 1))"])
  }

  private func routerFault(_ status: HTTPResponse.Status, _ request: Request) -> HTTPFault {
    let operation = "answer \(request.method) \(request.uri.path.prefix(200))"
    let methods = routes.methods(for: request.uri.path)
    if status == .notFound, !methods.isEmpty {
      return HTTPFault(
        status: .methodNotAllowed,
        fault: Fault(
          .invalid, operation: operation, reason: "the resource does not have that method",
          remedy: "use \(methods.joined(separator: ", "))"),
        headers: [.allow: methods.joined(separator: ", ")])
    }
    let code: Fault.Code = status == .notFound ? .notFound : .invalid
    return HTTPFault(
      status: status,
      fault: Fault(
        code, operation: operation,
        reason: status == .notFound ? "there is no such resource" : status.reasonPhrase.lowercased(),
        remedy: "see /openapi.json for what there is"))
  }
}

/// Limits of the HTTP API.
package struct APILimits: Sendable {
  /// Requests a second of one principal, and at once after a pause; an admin has ten times as many.
  package var requestsPerSecond: Double = 50
  package var requestBurst: Double = 100
  /// Longest time from a request's head to its answer's, the arrival of its body within; streams go on beyond.
  package var answer: Duration = .seconds(30)
  /// A connection on which nothing moves for so long is closed, unless a stream runs on it; longer than `answer`.
  package var idle: Duration = .seconds(75)
  package var connections = 512
  /// Execs, followed logs and followed alerts at once.
  package var streams = 64

  package init() {}
}

extension HTTPField.Name {
  static var requestID: Self { HTTPField.Name(parsed: "x-request-id") ?? .via }
  static var csrfToken: Self { HTTPField.Name(parsed: "x-csrf-token") ?? .via }
  static var secFetchSite: Self { HTTPField.Name(parsed: "sec-fetch-site") ?? .via }
}
