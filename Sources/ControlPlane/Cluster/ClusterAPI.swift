import AgentModel
import Hummingbird
import Instruments
import KubernetesAPI
import Logging

/// The HTTP API of a cluster: the routes whose store is the cluster's own API, behind the same edge as one machine's.
struct ClusterAPI: Sendable {
  let client: KubernetesClient
  let cache: ClusterAgentCache
  let access: ClusterAccess
  let agents: ClusterAgentService
  let authenticator: ClusterAuthenticator
  let sessions: SealedSessions?
  let audit: ClusterAudit
  let streams: StreamSlots
  let requests = RequestMetrics()
  let limits: APILimits
  let logger: Logger

  /// - Parameters:
  ///   - client: of the control plane's own service account.
  ///   - namespaces: of the tenants.
  init(
    client: KubernetesClient, namespaces: [TenantName: String], audiences: [String], sessions: SealedSessions?,
    audit: ClusterAudit, limits: APILimits, logger: Logger
  ) {
    self.client = client
    self.sessions = sessions
    self.audit = audit
    self.limits = limits
    self.logger = logger
    let questions = ClusterQuestions(client: client)
    cache = ClusterAgentCache(namespaces: namespaces)
    access = ClusterAccess(namespaces: namespaces, questions: questions, audit: audit)
    agents = ClusterAgentService(client: client, access: access, audit: audit)
    authenticator = ClusterAuthenticator(questions: questions, audiences: audiences, sessions: sessions)
    streams = StreamSlots(limits.streams)
  }

  func router() -> Router<APIContext> {
    let router = Router(context: APIContext.self)
    addCommonRoutes(to: router)
    addPlatformRoutes(to: router)
    addAgentRoutes(to: router)
    addExecRoute(to: router)
    addLogRoute(to: router)
    addUsageRoute(to: router)
    addResponseRoute(to: router)
    addAlertRoutes(to: router)
    addAuditRoutes(to: router)
    addCallRoute(to: router)
    addSessionRoutes(to: router)
    addDashboardRoutes(to: router)
    addElsewhereRoutes(to: router)
    return router
  }

  func responder() -> some HTTPResponder<APIContext> {
    let router = router()
    return BrowserHeaders(
      next: APIEdge(
        router: router.buildResponder(), routes: RouteTable(router.routes), authenticator: authenticator,
        record: { [audit] in try await audit.require($0) }, peer: { _ in .remote }, limits: limits,
        requestRate: RateLimiter(rate: limits.requestsPerSecond, burst: limits.requestBurst),
        adminRate: RateLimiter(rate: limits.requestsPerSecond * 10, burst: limits.requestBurst * 10),
        recordedFailures: RateLimiter(rate: 1, burst: 20), metrics: requests, logger: logger))
  }

  var exposition: Exposition {
    var exposition = Exposition()
    exposition.add(requests.requests)
    exposition.add(requests.durations)
    exposition.add(requests.rateLimited)
    return exposition
  }
}
