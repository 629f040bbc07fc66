import APIModel
import AgentModel
import AlertForwarding
import Storage
import Turns

/// What becomes of an alert that the sentinel reports: a record in the audit log, a row in the store, a word to
/// followers, and a line to where alerts are forwarded.
struct AlertService: Sendable {
  let store: Store
  let audit: AuditTrail
  let owners: AlertOwners
  /// `nil` where every alert is recorded.
  let shares: AuditShares?
  /// `nil` where alerts are forwarded to nobody.
  let forwarder: AlertForwarder?
  let feed = AlertFeed()
  let metrics = AlertMetrics()
  /// Two reports of one alert at once would record it twice.
  private let turn = Turn()

  init(
    store: Store, audit: AuditTrail, owners: AlertOwners, shares: AuditShares? = nil, forwarder: AlertForwarder?
  ) {
    self.store = store
    self.audit = audit
    self.owners = owners
    self.shares = shares
    self.forwarder = forwarder
  }

  /// Records and stores alerts.
  ///
  /// What could be recorded is stored also when the rest could not, so that a repeated report does not record it again.
  ///
  /// - Returns: how many of them were of another node's: those are left as they are.
  /// - Throws: `Fault(.unavailable)` or `.exhausted` when a record could not be written: the sentinel comes again.
  @discardableResult
  func take(_ reported: [AlertResource], from principal: Principal) async throws -> Int {
    guard !reported.isEmpty else { return 0 }
    return try await turn.take {
      let all = try await owners.named(latest(reported), store: store)
      let known = try await store.alerts(withIDs: all.map(\.id))
      let items = all.filter { alert in known[alert.id].map { owners.mayUpdate($0, by: alert) } ?? true }
      let failures = await record(items, known: known.mapValues(\.responseState), by: principal)
      let recorded = try await store.record(zip(items, failures).filter { $0.1 == nil }.map { $0.0 })
      for alert in recorded {
        metrics.count(alert)
        // Falco's form has no place for what comes later of it.
        if alert.before == nil { forwarder?.forward(alert.alert) }
      }
      if !recorded.isEmpty { feed.tell() }
      if let failure = failures.compactMap({ $0 }).first { throw failure }
      return all.count - items.count
    }
  }

  /// An alert that stands twice in a report as it stands there last.
  private func latest(_ reported: [AlertResource]) -> [AlertResource] {
    let last = Dictionary(
      reported.enumerated().map { ($0.element.id, $0.offset) }, uniquingKeysWith: { _, later in later })
    return reported.enumerated().filter { last[$0.element.id] == $0.offset }.map { $0.element }
  }

  /// Records each alert at once with the others, so that they share the log's writes to the disk.
  ///
  /// - Returns: for each alert why it could not be recorded.
  private func record(
    _ items: [AlertResource], known: [String: AlertResource.ResponseState], by principal: Principal
  ) async -> [(any Error)?] {
    await withTaskGroup(of: (Int, (any Error)?).self) { group in
      for (index, item) in items.enumerated() {
        let events = alertEvents(of: item, known: known[item.id], actor: principal.name)
        // It is kept and told all the same; of how many that was so the log is told.
        guard shares?.takes(events, of: item.agent?.tenant) ?? true else { continue }
        group.addTask { [audit] in
          do {
            for event in events { try await audit.require(event) }
            return (index, nil)
          } catch {
            return (index, error)
          }
        }
      }
      var failures = [(any Error)?](repeating: nil, count: items.count)
      for await (index, failure) in group { failures[index] = failure }
      return failures
    }
  }
}

/// What the audit log is told of an alert: that it was raised, and once its response is over, how.
///
/// - Parameter known: the response as it is stored; `nil` for an alert that is new.
func alertEvents(of alert: AlertResource, known: AlertResource.ResponseState?, actor: String) -> [AuditEvent] {
  let target = alert.agent.map { "agent \($0)" } ?? "sandbox \(shortened(alert.container, bytes: 128))"
  var event = AuditEvent(
    actor: actor, action: "alert.raise", target: target, outcome: "raised",
    details: [
      "id": alert.id, "rule": shortened(alert.rule, bytes: 256), "priority": alert.priority, "response": alert.response,
      "container": shortened(alert.container, bytes: 128),
    ])
  var events = known == nil ? [event] : []
  if alert.responseState.isOver, alert.responseState != known {
    event.action = "alert.respond"
    event.outcome = alert.responseState.rawValue
    if let reason = alert.responseReason { event.details["reason"] = shortened(reason, bytes: 1024) }
    events.append(event)
  }
  return events
}
