import KubernetesAPI
import Synchronization

/// The Agents of the cluster as they were last.
final class AgentCache: Sendable {
  private let agents = Mutex<[ObjectKey: AgentObject]>([:])

  subscript(_ key: ObjectKey) -> AgentObject? { agents.withLock { $0[key] } }

  var keys: [ObjectKey] { agents.withLock { Array($0.keys) } }

  func set(_ agent: AgentObject) { agents.withLock { $0[agent.key] = agent } }

  func remove(_ key: ObjectKey) { agents.withLock { $0[key] = nil } }

  /// Takes up what a request of our own was answered, sooner than its event comes; of the same life of the Agent only.
  func told(_ object: KubernetesObject) {
    let agent = AgentObject(object: object)
    agents.withLock { if $0[agent.key]?.uid == agent.uid { $0[agent.key] = agent } }
  }
}

/// The Pods of agents as they were last.
final class PodCache: Sendable {
  private let pods = Mutex<[ObjectKey: KubernetesObject]>([:])

  subscript(_ agent: ObjectKey) -> KubernetesObject? { pods.withLock { $0[agent] } }

  func set(_ pod: KubernetesObject, of agent: ObjectKey) { pods.withLock { $0[agent] = pod } }

  func remove(of agent: ObjectKey) { pods.withLock { $0[agent] = nil } }
}
