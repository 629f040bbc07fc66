import AgentModel
import Instruments
import NodeProtocol

/// A series for each agent that runs, for whoever asks for them: their number grows with that of the agents.
enum UsageMetrics {
  static let cpu = MetricFamily(
    .counter, "lobstack_agent_cpu_seconds_total", "CPU time of the agent since its sandbox was made.",
    by: ["tenant", "agent"])
  static let memory = MetricFamily(
    .gauge, "lobstack_agent_memory_bytes", "Memory of the agent, as it counts against its limit.",
    by: ["tenant", "agent"])
  static let memoryLimit = MetricFamily(
    .gauge, "lobstack_agent_memory_limit_bytes", "What the agent's memory may grow to.", by: ["tenant", "agent"])
  static let tasks = MetricFamily(
    .gauge, "lobstack_agent_tasks", "Threads on the machine by which gVisor runs the agent's.",
    by: ["tenant", "agent"])
}

extension API {
  /// What each agent that runs uses, as it was heard last.
  func usageExposition() -> Exposition {
    let ids = view.agents.mapValues(\.id)
    let counts = usage.counts().compactMap { uid, usage in ids[uid].map { (id: $0, usage: usage) } }
      .sorted { $0.id < $1.id }
    func samples(_ value: (AgentUsage) -> Double?) -> [(labels: LabelValues, value: Double)] {
      counts.compactMap { id, usage in value(usage).map { (["\(id.tenant)", "\(id.name)"], $0) } }
    }
    var exposition = Exposition()
    exposition.add(UsageMetrics.cpu, samples { Double($0.cpuNanoseconds) / 1e9 })
    exposition.add(UsageMetrics.memory, samples { Double($0.memoryBytes) })
    exposition.add(UsageMetrics.memoryLimit, samples { $0.memoryLimit.map(Double.init) })
    exposition.add(UsageMetrics.tasks, samples { Double($0.tasks) })
    return exposition
  }
}
