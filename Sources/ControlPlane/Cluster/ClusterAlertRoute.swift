import APIClient
import APIModel
import AgentModel
import Faults
import FoundationEssentials
import Hummingbird
import JSONValues
import KubernetesAPI
import Storage

extension ClusterAPI {
  func addAlertRoutes(to router: Router<APIContext>) {
    router.get("/v1/alerts", use: listAlerts)
    router.get("/v1/alerts/stream", use: followAlerts)
  }

  private static let events = ResourceType(group: "events.k8s.io", plural: "events")

  @Sendable private func listAlerts(_ request: Request, _ context: APIContext) async throws -> Response {
    guard let recorder = audit.recorder else { return try await listEvents(request, context) }
    let operation = "list alerts"
    var filter = try alertFilter(of: request)
    filter.tenants = try await access.scope(
      for: try context.principal, wanted: filter.tenant ?? filter.agent?.tenant, .alerts, operation: operation)
    let (limit, cursor, wanted) = (
      try pageLimit(of: request), try parameter("cursor", of: request, rule: "a text") { $0 }, filter
    )
    return try jsonResponse(
      try await recorder.ask(operation) { try await $0.alerts(wanted, limit: limit, cursor: cursor) })
  }

  @Sendable private func followAlerts(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = AlertService.following
    let (principal, recorder) = (try context.principal, try requireRecorder(operation: operation))
    var filter = try alertFilter(of: request)
    filter.tenants = try await access.scope(
      for: principal, wanted: filter.tenant ?? filter.agent?.tenant, .alerts, operation: operation)
    let follow = try parameter("follow", of: request, rule: "true or false") { Bool($0) } ?? true
    let (place, wanted) = (try lastEventID(of: request), filter)
    try requireNoBody(request, operation: operation)
    let lease = try StreamLease(streams, principal, context, operation: operation)
    return eventResponse(lease) { sink in
      do {
        try await request.whileConnected {
          try await withDeadline(Self.longestStream, operation: operation) {
            try await recorder.ask(operation) { client in
              try await client.followAlerts(wanted, after: place, follow: follow) { event in
                switch event {
                case .reached(let place): try await sink.send(place: place)
                case .alert(let alert, let place): try await sink.send(alert, place: place)
                }
              }
            }
          }
        }
      } catch let fault as Fault where fault.code == .timedOut {
        // Whoever follows goes on with another, for which he is asked about again.
      } catch let fault as Fault {
        await sink.fail(fault)
      } catch {
        await sink.fail(
          Fault(.unavailable, operation: operation, reason: "the stream was cut off", remedy: "follow again"))
      }
    }
  }

  /// Without a recorder: the newest alerts that the cluster still has as Events, an hour of them by its default; where
  /// alerts are forwarded to has them all.
  private func listEvents(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "list alerts"
    let limit = try pageLimit(of: request)
    let filter = try alertFilter(of: request)
    let tenants = try await access.tenants(
      for: try context.principal, wanted: filter.tenant ?? filter.agent?.tenant, .alerts, operation: operation)
    var alerts: [AlertResource] = []
    for tenant in tenants {
      guard let namespace = access.namespaces[tenant] else { continue }
      try await asked(operation) {
        let others = alerts
        _ = try await client.pages(of: Self.events, namespace: namespace, Selection(fields: "reason=Alert")) { page in
          // It may begin anew.
          if page.isFirst { alerts = others }
          alerts += page.objects.compactMap { AlertResource(event: $0, tenant: tenant) }.filter(filter.takes)
          // No more than are shown are kept, however many there are.
          alerts = Array(alerts.sorted { ($0.time, $0.id) > ($1.time, $1.id) }.prefix(limit))
        }
      }
    }
    return try jsonResponse(Page(items: alerts))
  }
}

extension AlertFilter {
  fileprivate func takes(_ alert: AlertResource) -> Bool {
    if let agent, alert.agent != agent { return false }
    if let rule, alert.rule != rule { return false }
    if let since, alert.time < since { return false }
    guard let priority else { return true }
    return AlertPriority(alert.priority).map { $0 <= priority } ?? false
  }
}

extension AlertResource {
  /// An Event that a sentinel told of an agent or its Pod, which has the agent's name: `PRIORITY: RULE: OUTPUT`.
  ///
  /// - Returns: `nil` for what has another form.
  init?(event: KubernetesObject, tenant: TenantName) {
    let parts = (event["note"]?.string ?? "").split(separator: ": ", maxSplits: 2).map(String.init)
    guard parts.count == 3, let priority = AlertPriority(parts[0]),
      ["Pod", "Agent"].contains(event["regarding", "kind"]?.string),
      let name = event["regarding", "name"]?.string.flatMap({ AgentName($0) }), let uid = event.uid,
      let time = (event["eventTime"]?.string ?? event["metadata", "creationTimestamp"]?.string).flatMap(APIJSON.date)
    else { return nil }
    self.init(
      id: uid, time: time, rule: parts[1], priority: "\(priority)", source: "syscall",
      agent: AgentID(tenant: tenant, name: name), container: "\(name)",
      hostname: event["reportingInstance"]?.string ?? "", output: parts[2], outputFields: [:], tags: [],
      response: AgentResponse.alert.rawValue, responseState: .none)
  }
}
