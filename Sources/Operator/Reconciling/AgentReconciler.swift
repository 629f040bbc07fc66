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
  let expansions: ExpansionCache
  let agents: AgentCache
  let owned: OwnedIndex
  let replacements: Replacements
  let repairs: Repairs
  let known: KnownNamespaces
  /// `nil` where somebody else makes agents known to the secrets manager.
  let identities: AgentIdentities?
  let served: ServedTypes
  let events: EventRecorder
  let telling: StatusTelling
  let metrics: OperatorMetrics
  /// Has an Agent looked at when its egress changes by itself, whatever else becomes of it.
  let schedule: @Sendable (ObjectKey, Duration) -> Void

  /// - Returns: when to look again by itself; `nil` for when something changes.
  func reconcile(_ key: ObjectKey) async throws -> Duration? {
    guard let agent = agents[key] else { return nil }
    if agent.isBeingDeleted {
      // Of a namespace that is going the right goes, too, and nobody would tell that the Agent's objects are gone.
      return try await remove(
        agent, isKnown: expander.hasTenant(key.namespace), isRefused: known.refusal(in: key.namespace) != nil)
    }
    guard agent.lackingFinalizers(isIdentified: identities != nil).isEmpty else {
      // The change comes back as an event, and the rest with it.
      try await addFinalizers(agent)
      return nil
    }
    let generation = agent.generation
    let containment = Containment(of: agent.object)
    do {
      // First: it must not run on because something else of it cannot be made, or not even be read.
      if agent.isStopped {
        try await stop(OwnedType.runners, of: key)
      } else if let containment {
        try await hold(agent, containment)
      }
    } catch let fault as Fault {
      try await telling.tell(agent, .unsecured(fault, generation: generation, pod: owned.pod(of: key)))
      throw fault
    }
    guard let expansion = try await inForce(agent) else { return nil }
    if let end = expansion.changesAt { schedule(key, .seconds(max(0.1, end.timeIntervalSinceNow))) }
    let isIdentified = identities != nil && expansion.usesSecrets
    let accepted = expansion.refusal == nil ? agent.document : nil
    func knownBySecretsManager(_ conditions: AgentConditions) -> AgentConditions {
      isIdentified ? conditions.identified : conditions
    }
    func tell(_ conditions: AgentConditions) async throws {
      var conditions = conditions
      if let refusal = expansion.refusal { conditions = conditions.refused(by: refusal) }
      if let repair = repairs.last(of: key) { conditions = conditions.repaired(from: repair.conflict) }
      try await telling.tell(agent, conditions, accepted: accepted)
    }
    do {
      if let fault = try await served.missing(for: expander.values) {
        // Nothing runs without the layers that its policy counts on.
        try await stop(OwnedType.runners, of: key)
        throw fault
      }
      try await secure(agent, expansion)
      if let refusal = known.refusal(in: key.namespace) {
        // What runs is still held to its policies; only nothing is made beside what may be there.
        if !agent.isStopped, containment == nil { _ = try await run(agent, expansion, mayMake: false) }
        throw refusal
      }
    } catch let failure as IdentityFailure {
      try await tell(.unidentified(failure.fault, generation: generation, pod: owned.pod(of: key)))
      throw failure.fault
    } catch let fault as Fault {
      try await tell(.unsecured(fault, generation: generation, pod: owned.pod(of: key)))
      throw fault
    }
    let gateway = owned.gateway(of: key)
    if agent.isStopped {
      // Its policies stay, so that nothing has to be made before it starts again but the Pod.
      let isEnding = owned.runner(expansion.pod.type, of: key) != nil
      try await tell(knownBySecretsManager(.stopped(isEnding: isEnding, gateway: gateway, generation: generation)))
      return repairs.last(of: key)?.left
    }
    if let containment {
      try await tell(knownBySecretsManager(.contained(containment, gateway: gateway, generation: generation)))
      return repairs.last(of: key)?.left
    }
    let conditions: AgentConditions
    var failure: Fault?
    do {
      let standing = try await run(agent, expansion)
      conditions = .secured(standing, gateway: gateway, generation: generation)
    } catch let fault as Fault {
      conditions = .notStarted(fault, gateway: gateway, generation: generation)
      failure = fault
    }
    try await tell(knownBySecretsManager(conditions))
    if let failure { throw failure }
    if owned.runner(expansion.pod.type, of: key) == nil { return replacements.pause(key) }
    return repairs.last(of: key)?.left
  }

  /// Looks at an Agent in a namespace whose objects may not be read: nothing is made there, and nothing changed.
  ///
  /// - Throws: `refusal`, once it is told, so that it is tried again.
  func reconcile(_ key: ObjectKey, refusedBy refusal: Fault) async throws -> Duration? {
    guard let agent = agents[key] else { return nil }
    if agent.isBeingDeleted { return try await remove(agent, isKnown: false) }
    try await telling.tell(agent, .unsecured(refusal, generation: agent.generation, pod: owned.pod(of: key)))
    throw refusal
  }

  private func remove(_ agent: AgentObject, isKnown: Bool, isRefused: Bool = false) async throws -> Duration? {
    let removal = AgentRemoval(
      client: client, owned: owned, identities: identities, agent: agent, id: expander.id(of: agent.key),
      isKnown: isKnown, isRefused: isRefused)
    do { return try await removal.run() } catch let fault as Fault where fault.code == .denied {
      try await telling.tell(agent, .unsecured(fault, generation: agent.generation, pod: owned.pod(of: agent.key)))
      throw fault
    }
  }

  /// - Returns: `nil` when nothing can be, which is told.
  private func inForce(_ agent: AgentObject) async throws -> Expansion? {
    do { return try expansions.inForce(agent) } catch let fault as Fault {
      let endings = agent.accepted?.endings ?? []
      if let end = endings.min(), end.date <= .now {
        // What it has open cannot be told from what has to be closed any more.
        try await stop(OwnedType.runners + [.deployments], of: agent.key)
      } else if let end = endings.min() {
        schedule(agent.key, .seconds(end.date.timeIntervalSinceNow))
      }
      try await telling.tell(agent, .refused(fault, generation: agent.generation, pod: owned.pod(of: agent.key)))
      return nil
    }
  }

  private func addFinalizers(_ agent: AgentObject) async throws {
    let all = agent.object.finalizers + agent.lackingFinalizers(isIdentified: identities != nil)
    do { try await client.setFinalizers(of: agent, all) } catch let fault as Fault
      where fault.code == .notFound || fault.code == .conflict
    {
      // It is another now, or gone: an event tells.
    }
  }

  /// Everything but the Pod, and nothing that is no longer wanted. The gateway's Pod comes when it is known who it is.
  private func secure(_ agent: AgentObject, _ expansion: Expansion) async throws {
    let known = owned.entries(of: agent.key)
    var account = known[expansion.account]?.uid
    func apply(where isMeant: (Expansion.Item) -> Bool) async throws {
      for item in expansion.surroundings where isMeant(item) && known[item.id]?.matched != item.digest {
        let made = try await self.apply(item, of: agent, isThere: known[item.id] != nil)
        if item.id == expansion.account { account = made.uid }
      }
    }
    try await apply { $0.type != .deployments }
    try await removeLeftovers(known, agent, expansion)
    if expansion.usesSecrets { try await identify(agent, expansion.agent.id, account: account) }
    try await apply { $0.type == .deployments }
  }

  private func identify(_ agent: AgentObject, _ id: AgentID, account: String?) async throws {
    guard let identities else { return }
    do {
      guard let account, !account.isEmpty else {
        throw Fault(
          .conflict, operation: "make agent \(id) known to the secrets manager",
          reason: "its service account is not there yet", remedy: "it is tried again")
      }
      try await identities.make(agent, id, account: account)
    } catch let fault as Fault {
      throw IdentityFailure(fault: fault)
    }
  }

  private func removeLeftovers(
    _ known: [OwnedID: OwnedIndex.Entry], _ agent: AgentObject, _ expansion: Expansion
  ) async throws {
    let wanted = Set(expansion.surroundings.map(\.id) + [expansion.pod.id])
    for type in OwnedType.all {
      for (id, entry) in known where id.kind == type.kind && !wanted.contains(id) && !entry.isBeingDeleted {
        if expansion.pod.type == .sandboxes, entry.runner?.isOfSandbox == true { continue }
        try await delete(type, id.name, of: agent.key, uid: entry.uid)
      }
    }
  }

  /// - Parameter isThere: whether others may have taken it over; then it is taken back, and that is noted.
  @discardableResult
  private func apply(
    _ item: Expansion.Item, of agent: AgentObject, isThere: Bool = false
  ) async throws -> KubernetesObject {
    let events = owned.events(of: agent.key)
    var made: KubernetesObject?
    var conflict: Fault?
    if isThere {
      // Asked without force first, the API server names who they are.
      do { made = try await client.apply(item.object, of: item.type.resource) } catch let fault as Fault
        where fault.code == .conflict
      {
        conflict = fault
      }
    }
    if made == nil { made = try await client.apply(item.object, of: item.type.resource, force: true) }
    if let conflict, conflict.isOfManagers { repairs.note(conflict, agent.key) }
    metrics.applies.add(1)
    let object = made ?? item.object
    owned.answer(
      OwnedIndex.Entry(object, item.type, matched: item.digest), item.id, of: agent.key, since: events)
    return object
  }

  /// The Pod, or what makes it, made anew when its specification is another. One that is going is waited for.
  private func run(
    _ agent: AgentObject, _ expansion: Expansion, mayMake: Bool = true
  ) async throws -> PodStanding? {
    let type = expansion.pod.type
    guard let runner = owned.runner(type, of: agent.key) else {
      guard mayMake, replacements.pause(agent.key) == nil, try await mayStart(agent) else { return nil }
      try await apply(expansion.pod, of: agent)
      await events.tell(agent, "Started", "what secures it is in place, so its \(type.kind) was made")
      return standing(of: agent.key, expansion)
    }
    let standing = standing(of: agent.key, expansion)
    guard !runner.isBeingDeleted else { return standing }
    let wanted = expansion.pod.object.annotations[Expander.specificationAnnotation]
    if runner.annotations[Expander.specificationAnnotation] != wanted {
      try await replace(runner, type, of: agent, "its \(type.kind) was of another specification")
      // What is told of the one that goes is no word about what is wanted now.
      return nil
    } else if owned.pod(of: agent.key)?.labels[quarantineLabel] != nil, try await isReleased(agent) {
      try await replace(runner, type, of: agent, "it was quarantined, and runs anew")
      return nil
    } else if let standing, standing.isToBeReplaced {
      replacements.note(agent.key, created: runner["metadata", "creationTimestamp"]?.string.flatMap(Self.date))
      try await replace(runner, type, of: agent, "its Pod ended for good: \(standing.reason)")
    } else if owned.entries(of: agent.key)[expansion.pod.id]?.matched != expansion.pod.digest {
      // Somebody changed what can be changed of a Pod: its labels choose the policies that bind it.
      do { try await apply(expansion.pod, of: agent) } catch let fault as Fault where fault.code == .invalid {
        // What cannot be changed back, such as its resources.
        try await replace(runner, type, of: agent, "its \(type.kind) was changed by others: \(fault.reason)")
      }
    } else if let pod = owned.pod(of: agent.key), !pod.isBeingDeleted, !expansion.pod.labels(pod) {
      // Its controller makes another of the Sandbox.
      try await replace(pod, .pods, of: agent, "the labels of its Pod were changed by others")
    }
    return standing
  }

  private func standing(of key: ObjectKey, _ expansion: Expansion) -> PodStanding? {
    owned.pod(of: key).map { PodStanding($0, restartPolicy: expansion.agent.spec.restartPolicy) }
  }

  private func replace(_ runner: KubernetesObject, _ type: OwnedType, of agent: AgentObject, _ why: String) async throws
  {
    try await delete(type, runner.name, of: agent.key, uid: runner.uid ?? "")
    await events.tell(agent, "Replaced", why)
  }

  /// Keeps an Agent as an alert's response left it: no other Pod is made, a killed one's goes, and a quarantined one's
  /// stays, closed.
  private func hold(_ agent: AgentObject, _ containment: Containment) async throws {
    switch containment.kind {
    case .killed: try await stop(OwnedType.runners, of: agent.key)
    case .quarantined:
      guard let pod = owned.pod(of: agent.key), !pod.isBeingDeleted, pod.labels[quarantineLabel] != "true" else {
        return
      }
      try await client.patch(
        .merge(["metadata": ["uid": .string(pod.uid ?? ""), "labels": [quarantineLabel: "true"]]]),
        OwnedType.pods.resource, pod.name, namespace: agent.key.namespace)
    }
  }

  /// Asks, since a Pod's end may be known here before what ended it is: whoever killed or stopped it said so of the Agent.
  private func mayStart(_ agent: AgentObject) async throws -> Bool {
    do {
      let object = try await client.get(AgentObject.type, agent.key.name, namespace: agent.key.namespace)
      let now = AgentObject(object: object)
      return now.uid == agent.uid && now.generation == agent.generation && !now.isBeingDeleted && !now.isStopped
        && Containment(of: object) == nil
    } catch let fault as Fault where fault.code == .notFound {
      return false
    }
  }

  /// Asks, since the Pod's label may be known here before the Agent's condition is.
  private func isReleased(_ agent: AgentObject) async throws -> Bool {
    let now = try await client.get(AgentObject.type, agent.key.name, namespace: agent.key.namespace)
    return now.uid == agent.uid && Containment.isOver(now)
  }

  private static func date(_ text: String) -> Date? { try? Date(text, strategy: .iso8601) }

  private func stop(_ types: [OwnedType], of key: ObjectKey) async throws {
    let known = owned.entries(of: key)
    for type in types {
      for (id, entry) in known where id.kind == type.kind && !entry.isBeingDeleted {
        try await delete(type, id.name, of: key, uid: entry.uid)
      }
    }
  }

  private func delete(_ type: OwnedType, _ name: String, of agent: ObjectKey, uid: String) async throws {
    do {
      try await client.delete(type.resource, name, namespace: agent.namespace, Deletion(uid: uid))
    } catch let fault as Fault where [.notFound, .conflict, .unsupported].contains(fault.code) {
      // Gone, or another of its name has come, of which an event tells; or its whole type is gone.
    }
  }
}

extension KubernetesObject {
  /// Whether it is the Pod that agent-sandbox made.
  fileprivate var isOfSandbox: Bool { ownerReferences.contains { $0.kind == OwnedType.sandboxes.kind } }
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
