import AgentModel
import ClusterAgents
import Documents
import Faults
import Foundation
import Instruments
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Logging

/// Makes one Agent's objects be as its document and the policy say: policies before what they bind, the Pod last.
struct AgentReconciler: Sendable {
  let client: KubernetesClient
  let expander: Expander
  let agents: AgentCache
  let owned: OwnedIndex
  let replacements: Replacements
  let served: ServedTypes
  let events: EventRecorder
  let metrics: OperatorMetrics
  /// Has an Agent looked at when its egress changes by itself, whatever else becomes of it.
  let schedule: @Sendable (ObjectKey, Duration) -> Void

  /// - Returns: when to look again by itself; `nil` for when something changes.
  func reconcile(_ key: ObjectKey) async throws -> Duration? {
    guard let agent = agents[key] else { return nil }
    if agent.isBeingDeleted {
      return try await AgentRemoval(
        client: client, owned: owned, agent: agent, isTenants: expander.hasTenant(key.namespace)
      ).run()
    }
    guard agent.hasFinalizer else {
      // The change comes back as an event, and the rest with it.
      try await addFinalizer(agent)
      return nil
    }
    let expansion: Expansion
    do { expansion = try expander.expand(agent, now: .now) } catch let fault as Fault {
      // What was accepted before stays in force; nothing new is.
      try await tell(agent, .refused(fault, generation: agent.generation, pod: owned.pod(of: key)))
      return nil
    }
    if let end = expansion.changesAt { schedule(key, .seconds(max(0.1, end.timeIntervalSinceNow))) }
    do {
      if let fault = try await served.missing(for: expander.values.profile) {
        // Nothing runs without the layers that its policy counts on.
        try await stop(key)
        throw fault
      }
      try await secure(agent, expansion)
    } catch let fault as Fault {
      try await tell(agent, .unsecured(fault, generation: agent.generation, pod: owned.pod(of: key)))
      throw fault
    }
    if let containment = Containment(of: agent.object) {
      try await hold(agent, containment)
      try await tell(agent, .contained(containment, generation: agent.generation))
      return nil
    }
    do {
      let standing = try await run(agent, expansion)
      try await tell(agent, .secured(standing, generation: agent.generation))
    } catch let fault as Fault {
      try await tell(agent, .notStarted(fault, generation: agent.generation))
      throw fault
    }
    return owned.pod(of: key) == nil ? replacements.pause(key) : nil
  }

  private func addFinalizer(_ agent: AgentObject) async throws {
    do { try await client.setFinalizers(of: agent, agent.object.finalizers + [AgentObject.finalizer]) } catch let fault
      as Fault where fault.code == .notFound || fault.code == .conflict
    {
      // It is another now, or gone: an event tells.
    }
  }

  /// Everything but the Pod, and nothing that is no longer wanted.
  private func secure(_ agent: AgentObject, _ expansion: Expansion) async throws {
    let known = owned.entries(of: agent.key)
    for item in expansion.surroundings where known[item.id]?.matched != item.digest {
      try await apply(item, of: agent)
    }
    let wanted = Set(expansion.surroundings.map(\.id) + [expansion.pod.id])
    for type in OwnedType.all {
      for (id, entry) in known where id.kind == type.kind && !wanted.contains(id) && !entry.isBeingDeleted {
        try await delete(type, id.name, of: agent.key, uid: entry.uid)
      }
    }
  }

  private func apply(_ item: Expansion.Item, of agent: AgentObject) async throws {
    let events = owned.events(of: agent.key)
    let made = try await client.apply(item.object, of: item.type.resource, force: true)
    metrics.applies.add(1)
    owned.answer(
      OwnedIndex.Entry(
        uid: made.uid ?? "", isBeingDeleted: made.isBeingDeleted, matched: item.digest,
        pod: item.type == .pods ? made : nil), item.id, of: agent.key, since: events)
  }

  /// The Pod, made anew when its specification is another. A Pod that is going is waited for.
  private func run(_ agent: AgentObject, _ expansion: Expansion) async throws -> PodStanding? {
    let restart = expansion.agent.spec.restartPolicy
    guard let pod = owned.pod(of: agent.key) else {
      guard replacements.pause(agent.key) == nil else { return nil }
      try await apply(expansion.pod, of: agent)
      await events.tell(agent, "Started", "what secures it is in place, so its Pod was made")
      return owned.pod(of: agent.key).map { PodStanding($0, restartPolicy: restart) }
    }
    let standing = PodStanding(pod, restartPolicy: restart)
    guard !pod.isBeingDeleted else { return standing }
    let wanted = expansion.pod.object.annotations[Expander.specificationAnnotation]
    if pod.annotations[Expander.specificationAnnotation] != wanted {
      try await replace(pod, of: agent, "its Pod was of another specification")
    } else if pod.labels[quarantineLabel] != nil, try await isReleased(agent) {
      try await replace(pod, of: agent, "it was quarantined, and runs anew")
    } else if standing.isToBeReplaced {
      replacements.note(agent.key, created: pod["metadata", "creationTimestamp"]?.string.flatMap(Self.date))
      try await replace(pod, of: agent, "its Pod ended for good: \(standing.reason)")
    } else if owned.entries(of: agent.key)[expansion.pod.id]?.matched != expansion.pod.digest {
      // Somebody changed what can be changed of a Pod: its labels choose the policies that bind it.
      do { try await apply(expansion.pod, of: agent) } catch let fault as Fault where fault.code == .invalid {
        // What cannot be changed back, such as its resources.
        try await replace(pod, of: agent, "its Pod was changed by others: \(fault.reason)")
      }
    }
    return standing
  }

  private func replace(_ pod: KubernetesObject, of agent: AgentObject, _ why: String) async throws {
    try await delete(.pods, pod.name, of: agent.key, uid: pod.uid ?? "")
    await events.tell(agent, "Replaced", why)
  }

  /// Keeps an Agent as an alert's response left it: no other Pod is made, a killed one's goes, and a quarantined one's
  /// stays, closed.
  private func hold(_ agent: AgentObject, _ containment: Containment) async throws {
    switch containment.kind {
    case .killed: try await stop(agent.key)
    case .quarantined:
      guard let pod = owned.pod(of: agent.key), !pod.isBeingDeleted, pod.labels[quarantineLabel] != "true" else {
        return
      }
      try await client.patch(
        .merge(["metadata": ["uid": .string(pod.uid ?? ""), "labels": [quarantineLabel: "true"]]]),
        OwnedType.pods.resource, pod.name, namespace: agent.key.namespace)
    }
  }

  /// Asks, since the Pod's label may be known here before the Agent's condition is.
  private func isReleased(_ agent: AgentObject) async throws -> Bool {
    let now = try await client.get(AgentObject.type, agent.key.name, namespace: agent.key.namespace)
    return now.uid == agent.uid && Containment.isOver(now)
  }

  private static func date(_ text: String) -> Date? { try? Date(text, strategy: .iso8601) }

  private func stop(_ key: ObjectKey) async throws {
    guard let pod = owned.pod(of: key), !pod.isBeingDeleted else { return }
    try await delete(.pods, pod.name, of: key, uid: pod.uid ?? "")
  }

  private func delete(_ type: OwnedType, _ name: String, of agent: ObjectKey, uid: String) async throws {
    do {
      try await client.delete(type.resource, name, namespace: agent.namespace, Deletion(uid: uid))
    } catch let fault as Fault where [.notFound, .conflict, .unsupported].contains(fault.code) {
      // Gone, or another of its name has come, of which an event tells; or its whole type is gone.
    }
  }

  private func tell(_ agent: AgentObject, _ conditions: AgentConditions) async throws {
    // Conditions of others are theirs.
    let before = agent.object["status"].map(AgentConditions.own)
    let status = conditions.status(now: Date.now.formatted(.iso8601), before: before)
    guard before != status else { return }
    var object = KubernetesObject(fields: [
      "apiVersion": .string(agent.object.apiVersion), "kind": .string(agent.object.kind), "status": status,
    ])
    object.name = agent.key.name
    object.namespace = agent.key.namespace
    // Only this Agent, not one of its name that came later.
    object.fields["metadata"] = .object(
      (object.fields["metadata"]?.object ?? [:]).merging(["uid": .string(agent.uid)]) { _, new in new })
    do {
      let told = try await client.apply(object, of: AgentObject.type, force: true, subresource: "status")
      agents.answer(told, since: agent)
    } catch let fault as Fault where fault.code == .notFound || fault.code == .conflict {
      return
    }
    // That a Pod takes its time is no event.
    guard conditions.phase == .failed || conditions.conditions.contains(where: { $0.kind != .ready && $0.state == .no })
    else { return }
    for condition in conditions.conditions where condition.state == .no && !condition.isSaid(in: before) {
      await events.tell(agent, condition.reason, condition.message, isWarning: true)
    }
  }
}

extension KubernetesClient {
  /// - Throws: `Fault(.conflict)` when the Agent is in another state than the one known here.
  func setFinalizers(of agent: AgentObject, _ finalizers: [String]) async throws {
    try await patch(
      .merge([
        "metadata": [
          "finalizers": .array(finalizers.map(JSON.string)),
          "resourceVersion": .string(agent.object.resourceVersion ?? ""), "uid": .string(agent.uid),
        ]
      ]), AgentObject.type, agent.key.name, namespace: agent.key.namespace)
  }
}
