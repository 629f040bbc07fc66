import Synchronization

/// What the webhook was asked and said, in Prometheus' text form.
final class WebhookMetrics: Sendable {
  enum Outcome: String, CaseIterable {
    case allowed, denied
    /// A policy could not be asked, or the policies are broken.
    case failed
    /// No AdmissionReview.
    case invalid
  }

  /// Upper bounds in seconds.
  private static let bounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5]

  private struct State {
    var outcomes: [Outcome: Int] = [:]
    var buckets = [Int](repeating: 0, count: bounds.count)
    var count = 0
    var sum = 0.0
  }

  private let state = Mutex(State())

  func count(_ outcome: Outcome, _ duration: Duration) {
    let seconds = duration / .seconds(1)
    state.withLock { state in
      state.outcomes[outcome, default: 0] += 1
      state.count += 1
      state.sum += seconds
      for (index, bound) in Self.bounds.enumerated() where seconds <= bound { state.buckets[index] += 1 }
    }
  }

  var text: String {
    let state = state.withLock { $0 }
    let name = "lobstack_admission_webhook"
    var lines = ["# HELP \(name)_requests_total Reviews by their outcome.", "# TYPE \(name)_requests_total counter"]
    for outcome in Outcome.allCases {
      lines.append("\(name)_requests_total{outcome=\"\(outcome.rawValue)\"} \(state.outcomes[outcome] ?? 0)")
    }
    lines += [
      "# HELP \(name)_duration_seconds From the request to its answer.", "# TYPE \(name)_duration_seconds histogram",
    ]
    for (bound, count) in zip(Self.bounds, state.buckets) {
      lines.append("\(name)_duration_seconds_bucket{le=\"\(bound)\"} \(count)")
    }
    lines += [
      "\(name)_duration_seconds_bucket{le=\"+Inf\"} \(state.count)", "\(name)_duration_seconds_sum \(state.sum)",
      "\(name)_duration_seconds_count \(state.count)",
    ]
    return lines.joined(separator: "\n") + "\n"
  }
}
