import Instruments

/// What the webhook was asked and said.
struct WebhookMetrics: Sendable {
  enum Outcome: String, CaseIterable {
    case allowed, denied
    /// A policy could not be asked, or the policies are broken.
    case failed
    /// No AdmissionReview.
    case invalid
  }

  private let requests = Counter(
    "lobstack_admission_webhook_requests_total", "Reviews by their outcome.", by: "outcome")
  private let durations = Histogram(
    "lobstack_admission_webhook_duration_seconds", "From the request to its answer.")

  init() {
    for outcome in Outcome.allCases { requests.add(0, outcome.rawValue) }
  }

  func count(_ outcome: Outcome, _ duration: Duration) {
    requests.add(1, outcome.rawValue)
    durations.observe(duration)
  }

  var exposition: Exposition {
    var exposition = Exposition()
    exposition.add(requests)
    exposition.add(durations)
    return exposition
  }
}
