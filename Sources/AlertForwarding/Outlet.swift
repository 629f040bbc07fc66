import APIModel
import Faults

/// One place that alerts are sent to.
package protocol Outlet: Sendable {
  /// As metrics call it.
  var name: String { get }

  /// Alerts that one delivery takes at most.
  var longestBatch: Int { get }

  /// Delivers the first of these alerts, and as many after it as go with it.
  ///
  /// - Parameter alerts: one at least, and `longestBatch` at most, in their order.
  /// - Returns: how many were delivered.
  /// - Throws: `Fault(.invalid)` when one of them will never be taken; anything else is worth another try.
  func deliver(_ alerts: [AlertResource]) async throws -> Int
  /// Lets go of what deliveries needed. Another delivery may follow.
  func close() async
}

/// A place that takes one alert at a time.
protocol SingleOutlet: Outlet {
  /// - Throws: as `Outlet`.
  func deliver(_ alert: AlertResource) async throws
}

extension SingleOutlet {
  var longestBatch: Int { 1 }

  func deliver(_ alerts: [AlertResource]) async throws -> Int {
    guard let alert = alerts.first else { return 0 }
    try await deliver(alert)
    return 1
  }
}
