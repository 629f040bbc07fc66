import APIModel
import AgentModel
import FoundationEssentials
import Hummingbird
import JSONValues
import KubernetesAPI
import Storage

extension ClusterAPI {
  func addAlertRoute(to router: Router<APIContext>) {
    router.get("/v1/alerts", use: listAlerts)
  }

  private static let events = ResourceType(group: "events.k8s.io", plural: "events")

  /// The newest alerts that the cluster still has as Events, an hour of them by its default; where alerts are forwarded
  /// to has them all.
  @Sendable private func listAlerts(_ request: Request, _ context: APIContext) async throws -> Response {
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
