import ClusterAgents
import Faults
import KubernetesAPI

/// Takes a deleted Agent's objects away, its Pod first and the policies that close its network last, and then lets go of
/// the Agent itself.
struct AgentRemoval: Sendable {
  let client: KubernetesClient
  let owned: OwnedIndex
  let agent: AgentObject
  /// Whether its namespace is a tenant's, so that its objects are known.
  let isTenants: Bool

  /// Between looks at what is still going; its end is an event, too.
  private static let pause = Duration.seconds(5)

  /// - Returns: when to look again; `nil` when nothing is left.
  func run() async throws -> Duration? {
    guard agent.hasFinalizer else { return nil }
    guard isTenants else {
      // Nothing is known of what is in the namespace: the cluster takes what the Agent owns.
      return try await letGo()
    }
    // A Pod may need its time to end; until then its policies stand.
    guard try await clear(.pods) else { return Self.pause }
    var isEmpty = true
    for type in OwnedType.all where try await !clear(type) { isEmpty = false }
    return isEmpty ? try await letGo() : Self.pause
  }

  private func letGo() async throws -> Duration? {
    do {
      try await client.setFinalizers(of: agent, agent.object.finalizers.filter { $0 != AgentObject.finalizer })
    } catch let fault as Fault where fault.code == .notFound {
      // Gone already.
    }
    return nil
  }

  /// - Returns: whether nothing of a type is left. Of what goes an event tells.
  private func clear(_ type: OwnedType) async throws -> Bool {
    let left = owned.entries(of: agent.key).filter { $0.key.kind == type.kind }
    for (id, entry) in left where !entry.isBeingDeleted {
      do {
        // A gateway's Pods have the agent's identity: they end before the Agent does.
        let propagation: Deletion.Propagation = type == .deployments ? .foreground : .background
        try await client.delete(
          type.resource, id.name, namespace: agent.key.namespace, Deletion(uid: entry.uid, propagation: propagation))
      } catch let fault as Fault where fault.code == .unsupported {
        // Its type is gone from the cluster, and with it all objects.
        owned.remove(id, of: agent.key)
      } catch let fault as Fault where [.notFound, .conflict, .denied].contains(fault.code) {
        // Gone already, or its namespace is going, with the right to delete anything in it.
      }
    }
    return !owned.entries(of: agent.key).contains { $0.key.kind == type.kind }
  }
}
