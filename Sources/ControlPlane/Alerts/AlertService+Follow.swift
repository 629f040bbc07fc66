import APIModel
import AgentModel
import Storage

extension AlertService {
  /// A connection on which nothing comes for longer is closed by what lies between.
  private static let heartbeat = Duration.seconds(15)
  private static let batch = 100

  /// Sends alerts as they are stored or change.
  ///
  /// - Parameters:
  ///   - scope: only those of agents of this tenant.
  ///   - place: the id of the last event that the client has; `nil` for what comes from now on, or since the filter's
  ///     time.
  ///   - onAndOn: whether to go on after what is stored already, until the task is cancelled.
  func follow(
    _ filter: AlertFilter, scope: TenantName?, after place: Int64?, onAndOn: Bool, sink: EventSink
  ) async throws {
    try await feed.whileFollowing { signal in
      let last = try await store.lastAlertChange()
      // A place that lies ahead is of a store that was put back to an earlier state.
      let start = min(place ?? (filter.since == nil ? last : 0), last)
      try await sink.send(place: start)
      guard onAndOn else {
        _ = try await send(after: start, filter, scope: scope, sink: sink)
        return
      }
      signal.raise()
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          while true {
            try await Task.sleep(for: Self.heartbeat)
            signal.raise()
          }
        }
        group.addTask {
          var place = start
          var beat = ContinuousClock.now
          for await _ in signal.raised {
            let next = try await send(after: place, filter, scope: scope, sink: sink)
            let isDue = ContinuousClock.now - beat >= Self.heartbeat
            // Not with each signal: it would tell of alerts that this follower may not see.
            if isDue { try await sink.send(place: next) }
            if isDue { beat = .now }
            place = next
          }
        }
        defer { group.cancelAll() }
        try await group.next()
      }
    }
  }

  /// - Returns: the place up to which everything is sent.
  private func send(
    after start: Int64, _ filter: AlertFilter, scope: TenantName?, sink: EventSink
  ) async throws -> Int64 {
    var place = start
    while true {
      let (alerts, reached) = try await store.alertChanges(
        after: place, filter, scope: scope, limit: Self.batch)
      for alert in alerts { try await sink.send(alert.alert, place: alert.change) }
      place = reached
      if alerts.count < Self.batch { return place }
    }
  }
}
