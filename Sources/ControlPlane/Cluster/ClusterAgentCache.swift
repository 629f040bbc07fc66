import AgentModel
import ClusterAgents
import Faults
import KubernetesAPI
import Synchronization

/// The Agents of the tenants as a watch told them last: for lists, and for what is asked with each call of an agent. Else
/// one agent is read where it is.
final class ClusterAgentCache: Sendable {
  private struct State {
    var agents: [AgentID: AgentObject] = [:]
    /// Sorted; `nil` when one came or went since.
    var order: [AgentID]?
    var isThere = false
    var failure: Fault?
  }

  private let tenants: [String: TenantName]
  private let state = Mutex(State())

  /// - Parameter namespaces: of the tenants.
  init(namespaces: [TenantName: String]) {
    tenants = Dictionary(namespaces.map { ($0.value, $0.key) }) { first, _ in first }
  }

  /// Whether all Agents were told once.
  var isThere: Bool { state.withLock { $0.isThere } }

  /// Why what is known may be out of date; `nil` when it is not.
  var failure: Fault? { state.withLock { $0.failure } }

  /// As it was told last.
  func agent(_ id: AgentID) -> AgentObject? { state.withLock { $0.agents[id] } }

  func take(_ change: ObjectChange) {
    state.withLock { state in
      switch change {
      case .replaced(let objects):
        let named = objects.compactMap { object in id(of: object).map { ($0, AgentObject(object: object)) } }
        state.agents = Dictionary(named) { _, new in new }
        (state.order, state.isThere, state.failure) = (nil, true, nil)
      case .changed(let object):
        state.failure = nil
        guard let id = id(of: object) else { return }
        if state.agents.updateValue(AgentObject(object: object), forKey: id) == nil { state.order = nil }
      case .deleted(let object):
        state.failure = nil
        guard let id = id(of: object) else { return }
        if state.agents.removeValue(forKey: id) != nil { state.order = nil }
      case .interrupted(let fault): state.failure = fault
      case .current: state.failure = nil
      }
    }
  }

  /// In the order of tenant and name.
  func agents(
    after place: AgentID? = nil, limit: Int = .max, where isWanted: (AgentID, AgentObject) -> Bool
  ) -> [(id: AgentID, agent: AgentObject)] {
    let (order, agents) = state.withLock { state in
      let order = state.order ?? state.agents.keys.map { ("\($0)", $0) }.sorted { $0.0 < $1.0 }.map(\.1)
      state.order = order
      return (order, state.agents)
    }
    var found: [(AgentID, AgentObject)] = []
    var (low, high) = (0, order.count)
    while let place, low < high {
      let middle = (low + high) / 2
      if order[middle] <= place { low = middle + 1 } else { high = middle }
    }
    for id in order[low...] {
      guard found.count < limit else { break }
      if let agent = agents[id], isWanted(id, agent) { found.append((id, agent)) }
    }
    return found
  }

  private func id(of object: KubernetesObject) -> AgentID? {
    guard let tenant = tenants[object.namespace ?? ""], let name = AgentName(object.name) else { return nil }
    return AgentID(tenant: tenant, name: name)
  }
}
