import APIModel
import Faults

/// One place that alerts are sent to.
package protocol Outlet: Sendable {
  /// As metrics call it.
  var name: String { get }

  /// - Throws: `Fault(.invalid)` when this alert will never be taken; anything else is worth another try.
  func deliver(_ alert: AlertResource) async throws
  /// Lets go of what deliveries needed. Another delivery may follow.
  func close() async
}
