import APIModel
import AgentModel
import Faults
import NIOHTTP1

/// What a follower of alerts is told.
package enum AlertEvent: Hashable, Sendable {
  /// Everything up to this place was told. The first event is of this kind, so that the stream is known to be open; more
  /// come while there is nothing else to tell.
  case reached(place: Int64)
  /// An alert that was raised, or whose response changed. The place is where to go on after it.
  case alert(AlertResource, place: Int64)
}

extension APIClient {
  /// Newest first.
  package func alerts(
    _ filter: AlertFilter = AlertFilter(), limit: Int = 100, cursor: String? = nil
  ) async throws -> Page<AlertResource> {
    try await transport.call(
      .GET, "/v1/alerts", query: filter.query + [("limit", "\(limit)"), ("cursor", cursor)], operation: "list alerts")
  }

  /// - Parameter alerts: at most `AlertReport.longest`.
  package func reportAlerts(_ alerts: [AlertResource]) async throws {
    try await transport.send(.POST, "/v1/alerts", body: .json(AlertReport(items: alerts)), operation: "report alerts")
  }

  /// Tells alerts as they are stored, until the calling task is cancelled or the connection ends.
  ///
  /// - Parameters:
  ///   - place: go on after it, as an earlier event told it; `nil` begins with what comes, or, when the filter has a
  ///     time, with that time.
  ///   - follow: `false` ends with what is stored.
  ///   - receive: called in order; a slow callee loses nothing.
  package func followAlerts(
    _ filter: AlertFilter = AlertFilter(), after place: Int64? = nil, follow: Bool = true,
    receive: @escaping @Sendable (AlertEvent) async throws -> Void
  ) async throws {
    try await transport.events(
      "/v1/alerts/stream", query: filter.query + [("follow", "\(follow)")],
      headers: place.map { [("Last-Event-ID", "\($0)")] } ?? [], operation: "follow alerts"
    ) { event in
      guard let place = event.id.flatMap({ Int64($0) }) else { return }
      guard let data = event.data else { return try await receive(.reached(place: place)) }
      try await receive(.alert(try alert(data), place: place))
    }
  }
}

private func alert(_ json: String) throws -> AlertResource {
  do { return try APIJSON.decode(AlertResource.self, from: json.utf8) } catch {
    throw Fault(
      .failed, operation: "follow alerts", reason: "an event is not the JSON that this version expects",
      remedy: "use client and platform of the same version", cause: error)
  }
}

extension AlertFilter {
  fileprivate var query: [(String, String?)] {
    [
      ("agent", agent?.description), ("tenant", tenant?.description),
      ("tenants", tenants.map { $0.sorted().map(\.description).joined(separator: ",") }),
      ("priority", priority?.description), ("rule", rule), ("since", since.map(APIJSON.text)),
    ]
  }
}
