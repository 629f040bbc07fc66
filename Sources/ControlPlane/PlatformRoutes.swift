import APIModel
import AgentModel
import Faults
import HTTPTypes
import Hummingbird
import NIOCore
import NodeProtocol
import Storage

extension API {
  func addPlatformRoutes(to router: Router<APIContext>) {
    router.get("/healthz", use: alive)
    router.get("/livez", use: alive)
    router.get("/readyz", use: ready)
    router.get("/openapi.json", use: openAPI)
    router.get("/v1/status", use: platformStatus)
  }

  @Sendable private func alive(_ request: Request, _ context: APIContext) async throws -> Response {
    try jsonResponse(["status": "ok"])
  }

  /// Ready to take work: the node answers, records can be written, the store can be read.
  @Sendable private func ready(_ request: Request, _ context: APIContext) async throws -> Response {
    try view.requireReachable(operation: "take work")
    if let failure = audit.failure { throw failure }
    _ = try await store.agents(limit: 1)
    return try jsonResponse(["status": "ok"])
  }

  @Sendable private func openAPI(_ request: Request, _ context: APIContext) async throws -> Response {
    Response(
      status: .ok, headers: [.contentType: "application/json"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_json)))
  }

  @Sendable private func platformStatus(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "read the platform's status")
    let observed = view.agents
    var counts: [String: Int] = [:]
    for stored in try await store.desiredAgents().agents where principal.sees(stored.id.tenant) {
      counts[(observed[stored.uid]?.phase ?? .pending).rawValue, default: 0] += 1
    }
    let (audit, head) = await auditComponent()
    return try jsonResponse(
      PlatformStatus(
        version: LobstackVersion.current, instance: instance,
        components: [
          PlatformStatus.Component(name: "control-plane", state: "ready", detail: "answers"), nodeComponent(), audit,
        ],
        agents: counts, audit: head))
  }

  private func nodeComponent() -> PlatformStatus.Component {
    if let failure = view.failure {
      return PlatformStatus.Component(name: "node", state: "down", detail: "\(failure.reason); \(failure.remedy)")
    }
    let detail = view.description.map { "\($0.runtimeVersion), platform \($0.runtimePlatform), pid \($0.processID)" }
    return PlatformStatus.Component(name: "node", state: "ready", detail: detail ?? "answers")
  }

  private func auditComponent() async -> (PlatformStatus.Component, PlatformStatus.AuditHead?) {
    do {
      let head = try await audit.log.head()
      if let failure = audit.failure {
        return (PlatformStatus.Component(name: "audit", state: "down", detail: failure.cause ?? failure.reason), head)
      }
      return (PlatformStatus.Component(name: "audit", state: "ready", detail: "\(head.size) records"), head)
    } catch {
      return (PlatformStatus.Component(name: "audit", state: "down", detail: "\(error)"), nil)
    }
  }
}
