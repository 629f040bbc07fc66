import APIModel
import AgentModel
import Hummingbird
import Storage

extension API {
  func addUsageRoutes(to router: Router<APIContext>) {
    router.get("/v1/tenants/{tenant}/agents/{name}/usage", use: readUsage)
  }

  @Sendable private func readUsage(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = try agentID(context)
    let stored = try await agents.find(
      id, .view, by: try context.principal, operation: "read what agent \(id) uses")
    let count = try integer("limit", of: request, in: 1...UsageHistory.kept, default: UsageHistory.kept)
    return try jsonResponse(usage.usage(of: stored.uid, newest: count))
  }
}
