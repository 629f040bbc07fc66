import APIModel
import AgentModel
import Faults
import HTTPTypes
import Hummingbird
import NIOCore
import Storage

extension API {
  func addAlertRoutes(to router: Router<APIContext>) {
    router.get("/v1/alerts", use: listAlerts)
    router.post("/v1/alerts", use: reportAlerts)
    router.get("/v1/alerts/stream", use: followAlerts)
  }

  @Sendable private func listAlerts(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "list alerts")
    return try await alerts.page(request, try alertFilter(of: request), scope: principal.tenant)
  }

  @Sendable private func reportAlerts(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "report alerts"
    let principal = try context.principal
    try await access.require(.reportAlerts, of: principal, operation: operation)
    let report = try await json(AlertReport.self, of: request)
    try checkAlerts(report, operation: operation)
    try await alerts.take(report.items, from: principal)
    return Response(status: .noContent)
  }

  @Sendable private func followAlerts(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let operation = AlertService.following
    try await access.require(.view, of: principal, operation: operation)
    let filter = try alertFilter(of: request)
    let lease = try StreamLease(streams, principal, context, operation: operation)
    return try alerts.stream(request, filter, scope: principal.tenant, lease)
  }
}

extension AlertService {
  static let following = "follow alerts"

  func page(_ request: Request, _ filter: AlertFilter, scope: TenantName?) async throws -> Response {
    let limit = try pageLimit(of: request)
    let cursor: Int64? = try parameter(
      "cursor", of: request, rule: "the 'next' of the page before", wholeNumber)
    let stored = try await store.alerts(filter, scope: scope, before: cursor, limit: limit + 1)
    let page = stored.prefix(limit)
    return try jsonResponse(
      Page(items: page.map(\.alert), next: stored.count > limit ? page.last.map { "\($0.number)" } : nil))
  }

  func stream(_ request: Request, _ filter: AlertFilter, scope: TenantName?, _ lease: StreamLease) throws -> Response {
    let operation = Self.following
    let follow = try parameter("follow", of: request, rule: "true or false") { Bool($0) } ?? true
    let place = try lastEventID(of: request)
    try requireNoBody(request, operation: operation)
    return eventResponse(lease) { sink in
      do {
        try await request.whileConnected {
          try await self.follow(filter, scope: scope, after: place, onAndOn: follow, sink: sink)
        }
      } catch let fault as Fault {
        await sink.fail(fault)
      } catch {
        await sink.fail(
          Fault(.unavailable, operation: operation, reason: "the stream was cut off", remedy: "follow again"))
      }
    }
  }
}

func lastEventID(of request: Request) throws -> Int64? {
  guard let text = request.headers[.lastEventID], !text.isEmpty else { return nil }
  guard let place = Int64(text), place >= 0 else {
    throw Fault(
      .invalid, operation: "read the Last-Event-ID header", reason: "'\(text.prefix(80))' is no event's id",
      remedy: "send the id of the last event that came, or 0 for everything that is kept")
  }
  return place
}

func alertFilter(of request: Request) throws -> AlertFilter {
  AlertFilter(
    agent: try parameter("agent", of: request, rule: AgentID.rule) { AgentID($0) },
    tenant: try parameter("tenant", of: request, rule: TenantName.rule) { TenantName($0) },
    priority: try parameter("priority", of: request, rule: AlertPriority.rule) { AlertPriority($0) },
    rule: try parameter("rule", of: request, rule: "a rule's name") { $0 },
    since: try parameter("since", of: request, rule: "a time as 2026-01-31T12:00:00Z (RFC 3339)") {
      APIJSON.date($0)
    })
}

extension HTTPField.Name {
  static var lastEventID: Self { HTTPField.Name(parsed: "last-event-id") ?? .via }
}
