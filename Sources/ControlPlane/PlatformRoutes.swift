import APIModel
import AgentModel
import Faults
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import NodeProtocol
import Storage

/// What every control plane answers alike: that it lives, and what it can be asked.
func addCommonRoutes(to router: Router<APIContext>) {
  router.get("/healthz", use: alive)
  router.get("/livez", use: alive)
  router.get("/openapi.json", use: openAPI)
}

@Sendable private func alive(_ request: Request, _ context: APIContext) async throws -> Response {
  try jsonResponse(["status": "ok"])
}

@Sendable private func openAPI(_ request: Request, _ context: APIContext) async throws -> Response {
  Response(
    status: .ok, headers: [.contentType: "application/json"],
    body: ResponseBody(byteBuffer: ByteBuffer(bytes: PackageResources.openapi_json)))
}

extension API {
  func addPlatformRoutes(to router: Router<APIContext>) {
    router.get("/readyz", use: ready)
    router.get("/v1/status", use: platformStatus)
  }

  /// Ready to take work: the node answers, records can be written, the store can be read.
  @Sendable private func ready(_ request: Request, _ context: APIContext) async throws -> Response {
    try view.requireReachable(operation: "take work")
    if let failure = audit.failure { throw failure }
    if let failure = identity?.whyNotEstablished { throw failure }
    _ = try await store.agents(limit: 1)
    return try jsonResponse(["status": "ok"])
  }

  @Sendable private func platformStatus(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "read the platform's status")
    let observed = view.agents
    var counts: [String: Int] = [:]
    for stored in try await store.desiredAgents().agents where principal.sees(stored.id.tenant) {
      counts[(observed[stored.uid]?.phase ?? .pending).rawValue, default: 0] += 1
    }
    async let gateway = gateway?.component()
    async let vault = secrets.component()
    let node = await nodeComponents()
    let (audit, head) = await auditComponent()
    let verification = try await verificationComponent()
    return try jsonResponse(
      PlatformStatus(
        version: LobstackVersion.current, instance: instance,
        components: [PlatformStatus.Component(name: "control-plane", state: "ready", detail: "answers")]
          + [admissionComponent, await vault] + [await gateway].compactMap { $0 } + node + [audit]
          + [witnesses?.component(), verification].compactMap { $0 },
        agents: counts, audit: head))
  }

  /// The node, and what it alone can ask: the node proxy and the resolver.
  private func nodeComponents() async -> [PlatformStatus.Component] {
    do {
      if let failure = view.failure { throw failure }
      let found = try await withDeadline(.seconds(5), operation: "ask the node how it does") { [node] in
        try await node.describe()
      }
      let detail = "\(found.runtimeVersion), platform \(found.runtimePlatform), pid \(found.processID)"
      return [PlatformStatus.Component(name: "node", state: "ready", detail: detail)]
        + found.services.map {
          PlatformStatus.Component(name: $0.name, state: $0.state.rawValue, detail: $0.detail)
        }
    } catch {
      let fault = Fault.wrap(error, operation: "ask the node how it does", remedy: "see the log of the node")
      return [PlatformStatus.Component(name: "node", state: "down", detail: "\(fault.reason); \(fault.remedy)")]
        + (view.description?.services ?? []).map {
          PlatformStatus.Component(name: $0.name, state: "degraded", detail: "not known while the node is down")
        }
    }
  }

  /// What the newest run of `lobstack verify` found that was not about chosen checks alone; `nil` when there was none.
  private func verificationComponent() async throws -> PlatformStatus.Component? {
    guard let newest = try await store.newestWholeVerification() else { return nil }
    let summary = newest.summary
    let counts = [
      (summary.proven, "proven"), (summary.failed, "failed"), (summary.notTestable, "not testable"),
      (summary.waived, "waived"),
    ].filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
    return PlatformStatus.Component(
      name: "verification", state: summary.failed > 0 ? "degraded" : "ready",
      detail:
        "\(counts.joined(separator: ", ")) (\(newest.tier)\(newest.trigger.byline), \(newest.startedAt.formatted(.iso8601)))"
    )
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
