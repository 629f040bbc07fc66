import APIModel
import AgentModel
import Faults
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Instruments
import NodeProtocol
import Storage

extension API {
  func addDenialRoutes(to router: Router<APIContext>) {
    router.get("/v1/denials", use: listDenials)
    router.post("/v1/denials", use: reportDenials)
  }

  /// An agent's program may have tried something before the node had noted its start, in seconds.
  private static let startSlack: TimeInterval = 5

  @Sendable private func listDenials(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "list denials")
    let limit = try pageLimit(of: request)
    let cursor: Int64? = try parameter(
      "cursor", of: request, rule: "the 'next' of the page before", wholeNumber)
    let agent = try parameter("agent", of: request, rule: "tenant/name") { AgentID($0) }
    let stored = try await store.denials(before: cursor, tenant: principal.tenant, agent: agent, limit: limit + 1)
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
    if report.items.contains(where: { $0.interface != nil || $0.host != nil }) {
      try view.requireObserved(operation: operation)
    }
    let seen = view.agents.values
    let owners = Dictionary(
      seen.compactMap { agent in agent.interface.map { ($0, agent.id) } }, uniquingKeysWith: { first, _ in first })
    // An address is as good as an interface: the firewall lets an agent send from its own alone.
    let holders = Dictionary(
      seen.compactMap { agent in agent.address.map { ($0, agent.id) } }, uniquingKeysWith: { first, _ in first })
    let starts = Dictionary(seen.map { ($0.id, $0.startedAt ?? .distantPast) }, uniquingKeysWith: { first, _ in first })
    var agents: [AgentID: Agent] = [:]
    var items = report.items
    for index in items.indices {
      if let interface = items[index].interface { items[index].agent = owners[interface] }
      guard items[index].host != nil, let owner = holders[items[index].source],
        // Reports may have waited, and the address have had another agent then.
        items[index].time >= (starts[owner] ?? .distantFuture) - Self.startSlack
      else { continue }
      items[index].agent = owner
      if agents[owner] == nil { agents[owner] = try await store.agent(owner)?.agent }
      items[index].remedy = agents[owner].flatMap { agent in
        items[index].remedy(of: agent) { "lobstack secret set \($0) --tenant \(agent.id.tenant)" }
      }
    }
    try await store.append(items)
    for item in items { denials.add(item.count, item.rule) }
    return Response(status: .noContent)
  }
}
