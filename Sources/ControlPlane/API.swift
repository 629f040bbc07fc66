import AlertForwarding
import Faults
import Hummingbird
import Instruments
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
  let alerts: AlertService
  let usage = UsageHistory()
  let admission: AdmissionGate
  let view: NodeView
  let node: any NodeConnection
  let secrets: any SecretKeeping
  let instance: String
  /// `nil` where there is none, as in tests of other things.
  let identity: IdentityAuthority?
  /// `nil` where there is no gateway.
  let gateway: GatewayCertificates?
  /// Where answers to an ACME authority's challenges lie; `nil` where nobody asks for certificates.
  let challenges: String?
  /// `nil` where the audit log is not a file.
  let witnesses: AuditWitnesses?
  let sessions: Sessions
  let authenticator: Authenticator
  let streams: StreamSlots
  let requests = RequestMetrics()
  let denials = Counter(
    "lobstack_denials_total", "Packets, names and requests of agents that were refused.", by: "rule", mostSeries: 100)
  let watch: ComponentWatch
  let limits: APILimits
  let logger: Logger

  init(
    store: Store, audit: AuditTrail, view: NodeView, node: any NodeConnection, secrets: any SecretKeeping,
    signal: ChangeSignal, instance: String, admission: AdmissionGate,
    identity: IdentityAuthority? = nil, gateway: GatewayCertificates? = nil, challenges: String? = nil,
    forwarder: AlertForwarder? = nil, witnesses: AuditWitnesses? = nil, sentinelUser: UInt32? = nil, limits: APILimits,
    logger: Logger
  ) {
    self.store = store
    self.audit = audit
    self.view = view
    self.node = node
    self.secrets = secrets
    self.instance = instance
    self.identity = identity
    self.gateway = gateway
    self.challenges = challenges
    self.witnesses = witnesses
    self.limits = limits
    self.logger = logger
    self.admission = admission
    access = Access(audit: audit)
    agents = AgentService(
      store: store, audit: audit, access: access, view: view, signal: signal, secrets: secrets, admission: admission)
    agentView = AgentView(audit: audit, view: view, admission: admission, usage: usage)
    alerts = AlertService(store: store, audit: audit, owners: .instance(instance), forwarder: forwarder)
    sessions = Sessions()
    authenticator = Authenticator(store: store, sentinelUser: sentinelUser, sessions: sessions, logger: logger)
    streams = StreamSlots(limits.streams)
    watch = ComponentWatch(secrets: secrets, gateway: gateway)
  }

  func router() -> Router<APIContext> {
    let router = Router(context: APIContext.self)
    addCommonRoutes(to: router)
    addPlatformRoutes(to: router)
    addAgentRoutes(to: router)
    addUsageRoutes(to: router)
    addStreamRoutes(to: router)
    addDenialRoutes(to: router)
    addAlertRoutes(to: router)
    addAdmissionRoutes(to: router)
    addAuditRoutes(to: router)
    addTokenRoutes(to: router)
    addSessionRoutes(to: router)
    addDashboardRoutes(to: router)
    addVerificationRoutes(to: router)
    addReportRoutes(to: router)
    addBackupRoutes(to: router)
    addSecretRoutes(to: router)
    addIdentityRoutes(to: router)
    addMetricsRoute(to: router)
    return router
  }

  /// - Parameter peer: who is at the other end of a channel.
  func responder(
    peer: @escaping @Sendable (any Channel) async -> Peer
  ) -> some HTTPResponder<APIContext> {
    let router = router()
    return APIEdge(
      router: router.buildResponder(), routes: RouteTable(router.routes),
      authenticator: authenticator, record: { [audit] in try await audit.require($0) }, peer: peer,
      limits: limits, requestRate: RateLimiter(rate: limits.requestsPerSecond, burst: limits.requestBurst),
      adminRate: RateLimiter(rate: limits.requestsPerSecond * 10, burst: limits.requestBurst * 10),
      recordedFailures: RateLimiter(rate: 1, burst: 20), metrics: requests, logger: logger)
  }
}

/// The execs, followed logs and followed alerts that run: how many, and whose.
final class StreamSlots: Sendable {
  private struct State {
    var owners: [Int: (key: String, session: [UInt8]?, end: AsyncStream<Void>.Continuation)] = [:]
    var next = 0
  }

  private let limit: Int
  /// One principal leaves some for the others; root has them all.
  private let ownLimit: Int
  private let state = Mutex(State())

  init(_ limit: Int, ofOne ownLimit: Int? = nil) {
    self.limit = limit
    self.ownLimit = ownLimit ?? max(1, limit / 4)
  }

  /// - Returns: the slot, and a sequence that ends when the stream has to.
  /// - Throws: `Fault(.exhausted)` when all are taken, or all that one principal may have.
  func take(
    _ principal: Principal, session: Session? = nil, operation: String
  ) throws -> (slot: Int, ended: AsyncStream<Void>) {
    let (ended, end) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    return try state.withLock { state in
      let own = state.owners.values.count { $0.key == principal.key }
      guard state.owners.count < limit, principal.kind == .root || own < ownLimit else {
        throw Fault(
          .exhausted, operation: operation,
          reason: "\(own) requests that last of \(principal.name) and \(state.owners.count - own) of others run",
          remedy: "end one of them, then try again")
      }
      state.next += 1
      state.owners[state.next] = (principal.key, session?.id, end)
      return (state.next, ended)
    }
  }

  var count: Int { state.withLock { $0.owners.count } }

  func giveBack(_ slot: Int) { state.withLock { $0.owners.removeValue(forKey: slot) }?.end.finish() }

  /// Ends every stream that a session began.
  func end(of session: Session) {
    for owner in state.withLock({ $0.owners.values.filter { $0.session == session.id } }) { owner.end.finish() }
  }

  /// Ends every stream of a principal who may not call any more.
  func end(ofToken id: String) {
    let key = Principal.key(ofToken: id)
    for owner in state.withLock({ $0.owners.values.filter { $0.key == key } }) { owner.end.finish() }
  }
}
