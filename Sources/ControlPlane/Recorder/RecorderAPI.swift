import APIModel
import AgentModel
import Faults
import Hummingbird
import Instruments
import Logging
import Storage

/// What a cluster's recorder answers: control planes append to the audit log and read everything, sentinels report
/// alerts, and nobody else does anything. The paths and what they answer are those of one machine's API.
struct RecorderAPI: Sendable {
  let audit: AuditTrail
  let alerts: AlertService
  let accounts: ClusterRecorder.Accounts
  let owners: PodOwners
  let shares: AuditShares
  let authenticator: any CallerIdentifying
  let streams: StreamSlots
  let requests = RequestMetrics()
  let limits: APILimits
  let logger: Logger
  private static let volumeBytes = MetricFamily(
    .gauge, "lobstack_audit_volume_bytes", "Size of the file system that the audit log lies on.")
  private static let volumeFree = MetricFamily(
    .gauge, "lobstack_audit_volume_free_bytes", "What of it is free.")
  /// Nobody may fill the log with what is refused to him.
  private let recorded = RateLimiter(rate: 1, burst: 20)

  init(
    audit: AuditTrail, store: Store, accounts: ClusterRecorder.Accounts, owners: PodOwners, shares: AuditShares,
    authenticator: any CallerIdentifying, logger: Logger
  ) {
    self.audit = audit
    self.accounts = accounts
    self.owners = owners
    self.shares = shares
    self.authenticator = authenticator
    self.logger = logger
    alerts = AlertService(store: store, audit: audit, owners: .pods(owners), shares: shares, forwarder: nil)
    var limits = APILimits()
    // Of one Pod: a control plane has the requests of many.
    limits.requestsPerSecond = 1_000
    limits.requestBurst = 2_000
    limits.connections = 4_096
    limits.streams = 4_096
    self.limits = limits
    streams = StreamSlots(limits.streams)
  }

  func router() -> Router<APIContext> {
    let router = Router(context: APIContext.self)
    router.post("/v1/audit", use: append)
    router.get("/v1/audit") { request, context in
      _ = try await require(accounts.controlPlane, context, operation: "read the audit log")
      return try await AuditReading(log: audit.log).page(request)
    }
    router.get("/v1/audit/checkpoint") { _, context in
      _ = try await require(accounts.controlPlane, context, operation: "read the audit log's checkpoint")
      return try jsonResponse(try await audit.log.checkpoint())
    }
    router.get("/v1/audit/proof") { request, context in
      _ = try await require(accounts.controlPlane, context, operation: AuditReading.proving)
      return try await AuditReading(log: audit.log).proof(request)
    }
    router.post("/v1/alerts", use: report)
    router.get("/v1/alerts") { request, context in
      _ = try await require(accounts.controlPlane, context, operation: "list alerts")
      return try await alerts.page(request, try self.filter(of: request), scope: nil)
    }
    router.get("/v1/alerts/stream") { request, context in
      let operation = AlertService.following
      let principal = try await require(accounts.controlPlane, context, operation: operation)
      return try alerts.stream(
        request, try self.filter(of: request), scope: nil,
        try StreamLease(streams, principal, context, operation: operation))
    }
    return router
  }

  func responder() -> some HTTPResponder<APIContext> {
    let router = router()
    let rate = RateLimiter(rate: limits.requestsPerSecond, burst: limits.requestBurst)
    return APIEdge(
      router: router.buildResponder(), routes: RouteTable(router.routes), authenticator: authenticator,
      record: { [audit] in try await audit.require($0) }, peer: { _ in .remote }, limits: limits, requestRate: rate,
      adminRate: rate, rateKey: { $0.callerKey }, recordedFailures: RateLimiter(rate: 1, burst: 20), metrics: requests,
      logger: logger)
  }

  /// The record is durable before this answers: only then is done what it tells of.
  @Sendable private func append(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try await require(accounts.controlPlane, context, operation: "append to the audit log")
    let told = try await json(AuditSubmission.self, of: request)
    var event = AuditEvent(
      actor: told.actor, action: told.action, target: told.target, outcome: told.outcome, details: told.details)
    event.details["replica"] = try await requireTold(
      ClusterUser.podOfToken, of: principal, operation: "append to the audit log")
    try shares.require(event)
    do {
      return try jsonResponse(AuditSubmissionReceipt(index: try await audit.require(event)), status: .created)
    } catch let fault as Fault where fault.code == .exhausted {
      // The log's word for a disk without room. What passes has the same code elsewhere.
      throw Fault(
        .full, operation: fault.operation, reason: fault.reason, remedy: fault.remedy, cause: fault)
    }
  }

  @Sendable private func report(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "report alerts"
    let principal = try await require(accounts.sentinel, context, operation: operation)
    var report = try await json(AlertReport.self, of: request)
    try checkAlerts(report, operation: operation)
    // The API server's word, where the report has the sentinel's.
    let node = try await requireTold(ClusterUser.nodeOfToken, of: principal, operation: operation)
    guard owners.isThere() else {
      throw Fault(
        .unavailable, operation: operation, reason: "the API server has not told of all agents' Pods yet",
        remedy: "try again in a few seconds")
    }
    guard !report.items.contains(where: { owners.mayBecomeKnown($0.container) }) else {
      throw Fault(
        .unavailable, operation: operation,
        reason: "the API server has not told of a Pod that is reported, and cannot be heard at present",
        remedy: "try again in a few seconds")
    }
    for index in report.items.indices { report.items[index].hostname = node }
    let sentinel = Principal(kind: principal.kind, name: "sentinel@\(node)")
    // Repeating it would change nothing.
    if try await alerts.take(report.items, from: sentinel) > 0 {
      try await noteRefusal(of: sentinel, key: "\(principal.key) \(node)", operation: operation, reason: "node")
    }
    return Response(status: .noContent)
  }

  private func filter(of request: Request) throws -> AlertFilter {
    var filter = try alertFilter(of: request)
    filter.tenants = try parameter("tenants", of: request, rule: "tenants with commas between") { text in
      let names = text.split(separator: ",").map { TenantName(String($0)) }
      return names.contains(nil) ? nil : Set(names.compactMap { $0 })
    }
    return filter
  }

  private func require(_ account: String, _ context: APIContext, operation: String) async throws -> Principal {
    let principal = try context.principal
    guard principal.name != account else { return principal }
    try await noteRefusal(of: principal, operation: operation, reason: "role")
    throw Fault(
      .denied, operation: operation, reason: "\(principal.name) is not \(account)",
      remedy: "ask the control plane of the cluster")
  }

  /// What the API server says of the Pod that a token was made for.
  ///
  /// - Throws: `Fault(.denied)` for a token that somebody made by hand: nobody knows from where that comes.
  private func requireTold(_ key: String, of principal: Principal, operation: String) async throws -> String {
    if case .user(let user) = principal.kind, let told = user.extra[key]?.first { return told }
    try await noteRefusal(of: principal, operation: operation, reason: "token")
    throw Fault(
      .denied, operation: operation, reason: "the token is of no Pod",
      remedy: "have the kubelet make it, as the rendered documents do")
  }

  private func noteRefusal(
    of principal: Principal, key: String? = nil, operation: String, reason: String
  ) async throws {
    guard recorded.take(key ?? principal.key) == nil else { return }
    try await audit.require(
      AuditEvent(
        actor: principal.name, action: "access", target: operation, outcome: "denied", details: ["reason": reason]))
  }

  func exposition(witnesses: AuditWitnesses, archivist: AuditArchivist?) -> Exposition {
    var exposition = Exposition()
    exposition.add(shares.withheld)
    if let size = shares.volume.size {
      exposition.add(Self.volumeBytes, Double(size.bytes))
      exposition.add(Self.volumeFree, Double(size.free))
    }
    if let archivist { exposition.add(archivist.outcomes) }
    if let witness = witnesses.component() {
      exposition.add(PlatformMetrics.ready, [([witness.name], witness.state == "ready" ? 1 : 0)])
    }
    exposition.add(requests.requests)
    exposition.add(requests.durations)
    exposition.add(requests.rateLimited)
    exposition.add(PlatformMetrics.streams, Double(streams.count))
    exposition.add(PlatformMetrics.auditBytes, Double(audit.log.byteCount))
    exposition.add(audit.metrics.appends)
    exposition.add(audit.metrics.failures)
    alerts.metrics.add(to: &exposition, notForwarded: [:])
    return exposition
  }
}
