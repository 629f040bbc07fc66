import APIModel
import AgentModel
import Hummingbird
import Instruments
import KubernetesAPI
import KubernetesRendering
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
  let denialLogs: DenialLogs
  /// Of this replica, whose memory they share.
  let denialReaders = StreamSlots(4, ofOne: 2)
  let secretReaders = StreamSlots(16)
  /// What an agent of a tier has.
  let limitsOfTier: [Tier: UsageResource.Limits]
  let requests = RequestMetrics()
  let limits: APILimits
  let logger: Logger

  /// - Parameters:
  ///   - client: of the control plane's own service account.
  ///   - values: of the platform.
  init(
    client: KubernetesClient, values: Values, audiences: [String], sessions: SealedSessions?,
    audit: ClusterAudit, limits: APILimits, logger: Logger
  ) {
    let namespaces = Dictionary(uniqueKeysWithValues: values.tenants.keys.map { ($0, values.namespace(of: $0)) })
    denialLogs = DenialLogs(client: client, namespace: values.namespaces.controlPlane)
    limitsOfTier = values.tiers.mapValues {
      UsageResource.Limits(cpus: cpus($0.cpu), memoryBytes: $0.memory.bytes)
    }
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
    addDenialRoute(to: router)
    addSecretRoute(to: router)
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
