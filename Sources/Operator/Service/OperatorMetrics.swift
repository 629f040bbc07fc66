import Instruments
import Synchronization

/// What the operator did, and what it has to do.
final class OperatorMetrics: Sendable {
  let reconciles = Counter("lobstack_operator_reconciles_total", "Looks at an Agent, by how they ended.", by: "outcome")
  let durations = Histogram("lobstack_operator_reconcile_duration_seconds", "How long a look at an Agent took.")
  let applies = Counter("lobstack_operator_applies_total", "Objects applied to the cluster.")
  private let state = Mutex((isLeading: false, agents: 0, objects: 0, depth: 0))

  init() {
    for outcome in ["done", "failed"] { reconciles.add(0, outcome) }
  }

  func set(isLeading: Bool) { state.withLock { $0.isLeading = isLeading } }

  func set(agents: Int, objects: Int, depth: Int) {
    state.withLock { $0 = ($0.isLeading, agents, objects, depth) }
  }

  var exposition: Exposition {
    let now = state.withLock { $0 }
    var exposition = Exposition()
    exposition.add(reconciles)
    exposition.add(durations)
    exposition.add(applies)
    exposition.add(
      MetricFamily(.gauge, "lobstack_operator_leader", "1 where the operator leads, 0 where it waits."),
      now.isLeading ? 1 : 0)
    exposition.add(MetricFamily(.gauge, "lobstack_operator_agents", "Agents of the cluster."), Double(now.agents))
    exposition.add(
      MetricFamily(.gauge, "lobstack_operator_objects", "Objects that agents are made of."), Double(now.objects))
    exposition.add(
      MetricFamily(.gauge, "lobstack_operator_queue_depth", "Agents that wait to be looked at."), Double(now.depth))
    return exposition
  }
}
