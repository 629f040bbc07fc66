import AgentModel
import ClusterAgents
import Faults
import KubernetesAPI

/// Takes a deleted Agent's objects away, its Pod first and the policies that close its network last, and then lets go of
/// the Agent itself.
struct AgentRemoval: Sendable {
  let client: KubernetesClient
  let owned: OwnedIndex
  let identities: AgentIdentities?
  let agent: AgentObject
  /// Who it is to the secrets manager.
  let id: AgentID?
  /// Whether its objects are: those of a tenant's namespace, once they could be read.
  let isKnown: Bool
  /// Whether some of them may not be followed any more, as in a namespace that is going.
  let isRefused: Bool

  /// Between looks at what is still going; its end is an event, too.
  private static let pause = Duration.seconds(5)

  /// - Returns: when to look again; `nil` when nothing is left.
  /// - Throws: also `Fault(.denied)` when something may not be deleted, of which the rest is; but where it may not be
  ///   followed either, the cluster takes it.
  func run() async throws -> Duration? {
    let finalizers = agent.object.finalizers
    guard [AgentObject.finalizer, AgentObject.identityFinalizer].contains(where: finalizers.contains) else {
      return nil
    }
    guard isKnown else {
      // The cluster takes what the Agent owns.
      return try await letGo()
    }
    var refusal: Fault?
    // A Pod may need its time to end; until then its policies stand.
    for type in OwnedType.runners {
      guard try await !clear(type, &refusal) else { continue }
      guard let refusal else { return Self.pause }
      if isRefused { return try await letGo() }
      throw refusal
    }
    var isEmpty = true
    for type in OwnedType.all where try await !clear(type, &refusal) { isEmpty = false }
    if isEmpty || (isRefused && refusal != nil) { return try await letGo() }
    if let refusal { throw refusal }
    return Self.pause
  }

  private func letGo() async throws -> Duration? {
    try await revoke()
    let ours = [AgentObject.finalizer, AgentObject.identityFinalizer]
    do {
      try await client.setFinalizers(of: agent, agent.object.finalizers.filter { !ours.contains($0) })
    } catch let fault as Fault where fault.code == .notFound {
      // Gone already.
    }
    return nil
  }

  /// The secrets manager does not know it any more, and what only it could read is destroyed.
  private func revoke() async throws {
    guard agent.object.finalizers.contains(AgentObject.identityFinalizer), let id else { return }
    guard let identities else {
      throw Fault(
        .unavailable, operation: "revoke the identity of Agent \(agent.key)",
        reason: "the operator knows no secrets manager",
        remedy:
          "start it with --vault-addr, or revoke it by hand and take the finalizer \(AgentObject.identityFinalizer) away"
      )
    }
    try await identities.destroy(agent.key, id)
  }

  /// - Parameter refusal: of what may not be deleted; it may be going with its namespace all the same.
  /// - Returns: whether nothing of a type is left. Of what goes an event tells.
  private func clear(_ type: OwnedType, _ refusal: inout Fault?) async throws -> Bool {
    let left = owned.entries(of: agent.key).filter { $0.key.kind == type.kind }
    for (id, entry) in left where isRefused || !entry.isBeingDeleted {
      do {
        // A gateway's Pods have the agent's identity: they end before the Agent does.
        let propagation: Deletion.Propagation = type == .deployments ? .foreground : .background
        try await client.delete(
          type.resource, id.name, namespace: agent.key.namespace, Deletion(uid: entry.uid, propagation: propagation))
      } catch let fault as Fault where fault.code == .unsupported {
        // Its type is gone from the cluster, and with it all objects.
        owned.remove(id, of: agent.key)
      } catch let fault as Fault where fault.code == .denied {
        refusal = fault
      } catch let fault as Fault where [.notFound, .conflict].contains(fault.code) {
        // Gone already, of which no event tells where it may not be followed.
        if isRefused { owned.remove(id, uid: entry.uid, of: agent.key) }
      }
    }
    return !owned.entries(of: agent.key).contains { $0.key.kind == type.kind }
  }
}
