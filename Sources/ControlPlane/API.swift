import Faults
import Hummingbird
import Logging
import NIOCore
import Storage
import Synchronization

/// The HTTP API put together: every route, and the edge before them.
struct API: Sendable {
  let store: Store
  let audit: AuditTrail
  let access: Access
  let agents: AgentService
  let agentView: AgentView
  let view: NodeView
  let node: any NodeConnection
  let instance: String
  let streams: StreamSlots
  let limits: APILimits
  let logger: Logger

  init(
    store: Store, audit: AuditTrail, view: NodeView, node: any NodeConnection, signal: ChangeSignal, instance: String,
    limits: APILimits, logger: Logger
  ) {
    self.store = store
    self.audit = audit
    self.view = view
    self.node = node
    self.instance = instance
    self.limits = limits
    self.logger = logger
    access = Access(audit: audit)
    agents = AgentService(store: store, audit: audit, access: access, view: view, signal: signal)
    agentView = AgentView(audit: audit, view: view)
    streams = StreamSlots(limits.streams)
  }

  func router() -> Router<APIContext> {
    let router = Router(context: APIContext.self)
    addPlatformRoutes(to: router)
    addAgentRoutes(to: router)
    addStreamRoutes(to: router)
    addDenialRoutes(to: router)
    addAuditRoutes(to: router)
    addTokenRoutes(to: router)
    return router
  }

  /// - Parameter peer: who is at the other end of a channel.
  func responder(
    sentinelUser: UInt32?, peer: @escaping @Sendable (any Channel) async -> Peer
  ) -> some HTTPResponder<APIContext> {
    let router = router()
    return APIEdge(
      router: router.buildResponder(), routes: RouteTable(router.routes),
      authenticator: Authenticator(store: store, sentinelUser: sentinelUser, logger: logger), audit: audit, peer: peer,
      limits: limits, requestRate: RateLimiter(rate: limits.requestsPerSecond, burst: limits.requestBurst),
      adminRate: RateLimiter(rate: limits.requestsPerSecond * 10, burst: limits.requestBurst * 10),
      recordedFailures: RateLimiter(rate: 1, burst: 20), logger: logger)
  }
}

/// How many streams may run at once.
final class StreamSlots: Sendable {
  private let limit: Int
  private let taken = Mutex(0)

  init(_ limit: Int) { self.limit = limit }

  /// - Throws: `Fault(.exhausted)` when all are taken.
  func take(operation: String) throws {
    try taken.withLock {
      guard $0 < limit else {
        throw Fault(
          .exhausted, operation: operation, reason: "\(limit) execs and followed logs run already",
          remedy: "end one of them, then try again")
      }
      $0 += 1
    }
  }

  func giveBack() { taken.withLock { $0 -= 1 } }
}
