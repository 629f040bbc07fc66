import Faults
import KubernetesAPI

/// Takes a deleted Agent's objects away, its Pod first and the policies that close its network last, and then lets go of
/// the Agent itself.
struct AgentRemoval: Sendable {
  let client: KubernetesClient
  let owned: OwnedIndex
  let agent: AgentObject

  /// Between looks at what is still going; its end is an event, too.
  private static let pause = Duration.seconds(5)

  /// - Returns: when to look again; `nil` when nothing is left.
  func run() async throws -> Duration? {
    guard agent.hasFinalizer else { return nil }
    // A Pod may need its time to end; until then its policies stand.
    guard try await clear(.pods) else { return Self.pause }
    var isEmpty = true
    for type in OwnedType.all where try await !clear(type) { isEmpty = false }
    guard isEmpty else { return Self.pause }
    do {
      try await client.setFinalizers(of: agent, agent.object.finalizers.filter { $0 != AgentObject.finalizer })
    } catch let fault as Fault where fault.code == .notFound {
      return nil
    }
    return nil
  }

  /// - Returns: whether nothing of a type is left.
  private func clear(_ type: OwnedType) async throws -> Bool {
    let left = owned.entries(of: agent.key).filter { $0.key.kind == type.kind }
    for (id, entry) in left where !entry.isBeingDeleted {
      do {
        try await client.delete(
          type.resource, id.name, namespace: agent.key.namespace, Deletion(uid: entry.uid))
      } catch let fault as Fault where fault.code == .notFound || fault.code == .conflict {
        owned.remove(id, of: agent.key)
      }
    }
    return !owned.entries(of: agent.key).contains { $0.key.kind == type.kind }
  }
}
