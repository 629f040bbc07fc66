import APIClient
import APIModel
import AgentModel
import Foundation
import Synchronization

/// Listens to the platform's alerts as any client may, and notes when each came.
final class AlertWitness: Sendable {
  struct Seen: Sendable {
    var alert: AlertResource
    /// When it was heard of first.
    var time: Date
  }

  private struct State {
    var seen: [String: Seen] = [:]
    var isOpen = false
    var failure: String?
  }

  private let state = Mutex(State())

  /// Listens while `body` runs, which begins when nothing can be missed any more.
  static func with<Value: Sendable>(
    _ client: APIClient, tenant: String, _ body: @escaping @Sendable (AlertWitness) async throws -> Value
  ) async throws -> Value {
    let witness = AlertWitness()
    return try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await witness.listen(client, TenantName(tenant)) }
      defer { group.cancelAll() }
      _ = try await witness.wait(.seconds(5)) { $0.isOpen ? true : nil }
      return try await body(witness)
    }
  }

  private func listen(_ client: APIClient, _ tenant: TenantName?) async {
    do {
      try await client.followAlerts(AlertFilter(tenant: tenant)) { event in
        self.state.withLock { state in
          state.isOpen = true
          guard case .alert(let alert, _) = event else { return }
          state.seen[alert.id] = Seen(alert: alert, time: state.seen[alert.id]?.time ?? .now)
        }
      }
    } catch {
      // The end of the check ends it too.
      if !Task.isCancelled { state.withLock { $0.failure = "\(error)" } }
    }
  }

  /// The first alert that fits, as soon as it is there.
  ///
  /// - Returns: `nil` when there is none in time.
  func first(
    within limit: Duration = .seconds(8), where fits: @escaping @Sendable (AlertResource) -> Bool
  ) async throws -> Seen? {
    try await wait(limit) { state in
      state.seen.values.filter { fits($0.alert) }.min { $0.time < $1.time }
    }
  }

  private func wait<Value>(_ limit: Duration, _ find: (State) -> Value?) async throws -> Value? {
    let end = ContinuousClock.now + limit
    while true {
      let (found, failure) = state.withLock { (find($0), $0.failure) }
      if let found { return found }
      if let failure { throw NotTestable("the alerts cannot be followed: \(failure)") }
      guard ContinuousClock.now < end else { return nil }
      try await Task.sleep(for: .milliseconds(5))
    }
  }
}
