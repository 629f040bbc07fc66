import APIModel

/// An alert with its places in the store.
package struct StoredAlert: Hashable, Sendable {
  /// Where it stands in listings; it never changes.
  package let number: Int64
  /// Where it stands for followers: rises over all others whenever the alert changes, so that they see it again.
  package let change: Int64
  package let alert: AlertResource

  package init(number: Int64, change: Int64, alert: AlertResource) {
    self.number = number
    self.change = change
    self.alert = alert
  }
}

/// What a report made of one alert.
package struct RecordedAlert: Hashable, Sendable {
  package let alert: AlertResource
  /// What was known of its response before; `nil` for an alert that was not known.
  package let before: AlertResource.ResponseState?
}

extension AlertResource {
  /// The alert with what a later report of it says of its response; of what happened the first report is believed.
  ///
  /// Reports may overtake each other: a response that is over does not begin again.
  func updated(by later: AlertResource) -> AlertResource {
    var updated = self
    updated.suppressed = max(suppressed, later.suppressed)
    guard !responseState.isOver || later.responseState.isOver else { return updated }
    updated.response = later.response
    updated.responseState = later.responseState
    updated.responseReason = later.responseReason
    updated.responseTime = later.responseTime
    return updated
  }
}

extension AlertResource.ResponseState {
  /// Whether the response succeeded or failed.
  package var isOver: Bool { self == .done || self == .failed }
}
