import AgentModel
import FoundationEssentials

/// What the sentinel reports in one request: at most 200 alerts.
///
/// An alert is reported once when it is raised, and once more, under the same id, when its response is over.
package struct AlertReport: Sendable, Codable {
  /// So many of ordinary length fit into one request (`APIProtocol.longestBody`).
  package static let longest = 200
  package var items: [AlertResource]

  package init(items: [AlertResource]) { self.items = items }
}

/// Which alerts are wanted; what is `nil` asks for nothing.
package struct AlertFilter: Hashable, Sendable {
  package var agent: AgentID?
  package var tenant: TenantName?
  /// Of one of these.
  package var tenants: Set<TenantName>?
  /// This priority and what is more severe.
  package var priority: AlertPriority?
  package var rule: String?
  /// Events of this time and later.
  package var since: Date?

  package init(
    agent: AgentID? = nil, tenant: TenantName? = nil, tenants: Set<TenantName>? = nil, priority: AlertPriority? = nil,
    rule: String? = nil, since: Date? = nil
  ) {
    self.agent = agent
    self.tenant = tenant
    self.tenants = tenants
    self.priority = priority
    self.rule = rule
    self.since = since
  }
}
