import Admission
import Instruments

/// How often policies were asked, and what came of it.
struct AdmissionMetrics: Sendable {
  enum Outcome: String, CaseIterable {
    case allowed, denied
    /// A policy could not be asked.
    case failed
  }

  private let evaluations = Counter(
    "lobstack_admission_evaluations_total", "Times that the policies were asked about an agent or an object.",
    by: "outcome")
  private let durations = Histogram(
    "lobstack_admission_evaluation_duration_seconds",
    "How long the policies took to decide, with the wait for a thread.")

  init() {
    for outcome in Outcome.allCases { evaluations.add(0, outcome.rawValue) }
  }

  func count(_ decision: Decision, _ duration: Duration) {
    let outcome: Outcome = !decision.failures.isEmpty ? .failed : decision.isAllowed ? .allowed : .denied
    evaluations.add(1, outcome.rawValue)
    durations.observe(duration)
  }

  func add(to exposition: inout Exposition) {
    exposition.add(evaluations)
    exposition.add(durations)
  }
}
