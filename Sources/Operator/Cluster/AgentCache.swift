import ClusterAgents
import KubernetesAPI
import Synchronization

/// The Agents of the cluster as they were last.
final class AgentCache: Sendable {
  private let agents = Mutex<[ObjectKey: AgentObject]>([:])

  subscript(_ key: ObjectKey) -> AgentObject? { agents.withLock { $0[key] } }

  var keys: [ObjectKey] { agents.withLock { Array($0.keys) } }

  func set(_ agent: AgentObject) { agents.withLock { $0[agent.key] = agent } }

  func remove(_ key: ObjectKey) { agents.withLock { $0[key] = nil } }

  /// Takes up what a request of our own was answered, unless another state has come since the one that it was about.
  func answer(_ object: KubernetesObject, since before: AgentObject) {
    agents.withLock { agents in
      guard agents[before.key]?.object.resourceVersion == before.object.resourceVersion else { return }
      agents[before.key] = AgentObject(object: object)
    }
  }
}
