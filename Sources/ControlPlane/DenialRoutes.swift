import APIModel
import AgentModel
import Faults
import HTTPTypes
import Hummingbird
import NodeProtocol
import Storage

extension API {
  func addDenialRoutes(to router: Router<APIContext>) {
    router.get("/v1/denials", use: listDenials)
    router.post("/v1/denials", use: reportDenials)
  }

  @Sendable private func listDenials(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "list denials")
    let limit = try pageLimit(of: request)
    let cursor = try parameter("cursor", of: request, rule: "the 'next' of the page before") { Int64($0) }
    let stored = try await store.denials(before: cursor, tenant: principal.tenant, limit: limit + 1)
    let page = stored.prefix(limit)
    return try jsonResponse(
      Page(items: page.map(\.denial), next: stored.count > limit ? page.last.map { "\($0.number)" } : nil))
  }

  @Sendable private func reportDenials(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "report denials"
    try await access.require(.reportDenials, of: try context.principal, operation: operation)
    let report = try await json(DenialReport.self, of: request)
    guard report.items.count <= DenialReport.longest else {
      throw Fault(
        .invalid, operation: operation, reason: "\(report.items.count) denials, more than \(DenialReport.longest)",
        remedy: "send several reports")
    }
    // Whoever has just started does not know whose they were; the sentinel keeps them and comes again.
    if report.items.contains(where: { $0.interface != nil }) { try view.requireObserved(operation: operation) }
    let owners = Dictionary(
      view.agents.values.compactMap { agent in agent.interface.map { ($0, agent.id) } },
      uniquingKeysWith: { first, _ in first })
    try await store.append(
      report.items.map { item in
        var item = item
        if let interface = item.interface { item.agent = owners[interface] }
        return item
      })
    return Response(status: .noContent)
  }
}
