import APIModel
import AgentModel
import Compliance
import Instruments
import Storage

/// How many alerts there were since the control plane started.
struct AlertMetrics: Sendable {
  private let raised = Counter("lobstack_alerts_total", "Alerts that rules raised.", by: "rule", "priority")
  /// Apart, so that no rule wakes a person for what the platform does to itself; the alerts themselves are told like any.
  private let probes = Counter(
    "lobstack_verification_alerts_total", "Alerts about agents of 'lobstack verify'.", by: "rule", "priority")
  private let responses = Counter(
    "lobstack_alert_responses_total", "Responses to alerts that are over.", by: "response", "state")
  private static let notForwarded = MetricFamily(
    .counter, "lobstack_alerts_not_forwarded_total", "Alerts that an output did not get.", by: ["output"])

  func count(_ recorded: RecordedAlert) {
    let alert = recorded.alert
    if recorded.before == nil {
      (Probe.isTenant(alert.agent?.tenant.description ?? "") ? probes : raised).add(1, alert.rule, alert.priority)
    }
    if alert.responseState.isOver, alert.responseState != recorded.before {
      responses.add(1, alert.response, alert.responseState.rawValue)
    }
  }

  /// - Parameter lost: alerts that an output did not get, by its name.
  func add(to exposition: inout Exposition, notForwarded lost: [String: Int]) {
    exposition.add(raised)
    exposition.add(probes)
    exposition.add(responses)
    exposition.add(Self.notForwarded, lost.sorted { $0.key < $1.key }.map { ([$0.key], Double($0.value)) })
  }
}
