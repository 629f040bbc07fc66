import AlertForwarding
import Instruments

/// What the sentinel of a node sees and does.
final class ClusterSentinelMetrics: Sendable {
  let alerts = Counter("lobstack_sentinel_alerts_total", "Alerts that were raised.", by: "priority")
  let responses = Counter(
    "lobstack_sentinel_responses_total", "Tries to carry a response out, by how they ended.", by: "response", "outcome")
  private static let notForwarded = MetricFamily(
    .counter, "lobstack_sentinel_alerts_not_forwarded_total", "Alerts that an output did not get.", by: ["output"])
  private static let waiting = MetricFamily(
    .gauge, "lobstack_sentinel_alerts_waiting", "Alerts that an output did not take yet.", by: ["output"])
  let replaced = Counter(
    "lobstack_sentinel_unwatched_total", "Pods that were deleted because they told nothing of what they do.")

  /// - Parameter outlets: where alerts are sent to.
  func exposition(_ table: PodTable, _ outlets: [AlertForwarder]) -> Exposition {
    let now = table.counts
    var exposition = Exposition()
    exposition.add(alerts)
    exposition.add(responses)
    exposition.add(replaced)
    exposition.add(MetricFamily(.gauge, "lobstack_sentinel_pods", "Agents' Pods of the node."), Double(now.pods))
    exposition.add(
      MetricFamily(.gauge, "lobstack_sentinel_sandboxes", "Sandboxes that tell what they do."), Double(now.sandboxes))
    exposition.add(MetricFamily(.gauge, "lobstack_sentinel_rules", "Rules in force."), Double(now.rules))
    exposition.add(
      MetricFamily(.counter, "lobstack_sentinel_dropped_total", "Events that gVisor could not tell."),
      Double(now.dropped))
    func samples(_ counts: KeyPath<AlertForwarder, [String: Int]>) -> [([String], Double)] {
      outlets.flatMap { $0[keyPath: counts] }.sorted { $0.key < $1.key }.map { ([$0.key], Double($0.value)) }
    }
    exposition.add(Self.notForwarded, samples(\.dropped))
    exposition.add(Self.waiting, samples(\.waiting))
    return exposition
  }
}
