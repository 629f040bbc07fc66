import ClusterAgents
import Faults
import Instruments
import KubernetesAPI
import Logging

/// The time that one process leads.
struct Term: Sendable {
  let client: KubernetesClient
  let settings: OperatorService.Settings
  let metrics: OperatorMetrics
  let logger: Logger
  private let identities: AgentIdentities?

  private let agents = AgentCache()
  private let owned = OwnedIndex()
  private let replacements = Replacements()
  private let repairs = Repairs()
  private let queue = WorkQueue<ObjectKey>()
  private let known = KnownNamespaces()

  init(
    client: KubernetesClient, secrets: SecretsManagerSession?, settings: OperatorService.Settings,
    metrics: OperatorMetrics, logger: Logger
  ) {
    identities = secrets.map(AgentIdentities.init)
    self.client = client
    self.settings = settings
    self.metrics = metrics
    self.logger = logger
  }

  /// Until the calling task is cancelled.
  func run() async {
    let expander = Expander(values: settings.values, policy: settings.policy, gateway: settings.gateway)
    let (served, expansions) = (ServedTypes(client), ExpansionCache(expander))
    let events = EventRecorder(client: client, identity: settings.identity, logger: logger)
    let reconciler = AgentReconciler(
      client: client, expander: expander, expansions: expansions, agents: agents, owned: owned,
      replacements: replacements, repairs: repairs, known: known, identities: identities, served: served,
      events: events,
      telling: StatusTelling(client: client, agents: agents, events: events), metrics: metrics,
      schedule: { queue.add($0, after: $1) })
    await withTaskGroup(of: Void.self) { group in
      let first = FirstList()
      group.addTask { await followAgents(first) }
      // What objects are compared with has to be known before them.
      await first.wait()
      for namespace in expander.namespaces {
        group.addTask { await followObjects(in: namespace, served, expansions) }
      }
      group.addTask { await measure() }
      await queue.run(workers: settings.workers) { key in
        guard !expander.hasTenant(key.namespace) || known.contains(key.namespace) else {
          // Not everything is known of it: what is there would be made anew.
          guard let refusal = known.refusal(in: key.namespace) else { return nil }
          return try await look(at: key) { try await reconciler.reconcile(key, refusedBy: refusal) }
        }
        return try await look(at: key) { try await reconciler.reconcile(key) }
      }
      group.cancelAll()
    }
  }

  private func look(at key: ObjectKey, _ work: () async throws -> Duration?) async throws -> Duration? {
    let start = ContinuousClock.now
    do {
      let next = try await work()
      metrics.durations.observe(.now - start)
      metrics.reconciles.add(1, "done")
      return next
    } catch let fault as Fault {
      metrics.durations.observe(.now - start)
      metrics.reconciles.add(1, "failed")
      logger.warning("An Agent is not as it should be", metadata: ["agent": "\(key)", "error": "\(fault)"])
      throw fault
    }
  }

  /// In all namespaces: one that is no tenant's any more has Agents that are told so, and can be deleted.
  private func followAgents(_ first: FirstList) async {
    await Reflector(client, AgentObject.type).run { change in
      switch change {
      case .replaced(let objects):
        let fresh = objects.map(AgentObject.init(object:))
        for key in Set(agents.keys).subtracting(fresh.map(\.key)) { forget(key) }
        for agent in fresh {
          agents.set(agent)
          queue.add(agent.key)
        }
        first.arrived()
      case .changed(let object):
        let agent = AgentObject(object: object)
        agents.set(agent)
        queue.add(agent.key)
      case .deleted(let object): forget(ObjectKey(object))
      case .interrupted(let fault):
        logger.warning("Agents cannot be followed", metadata: ["error": "\(fault)"])
      case .current: break
      }
    }
  }

  private func forget(_ agent: ObjectKey) {
    agents.remove(agent)
    owned.forget(agent)
    replacements.forget(agent)
    repairs.forget(agent)
    identities?.forget(agent)
  }

  private func followObjects(in namespace: String, _ served: ServedTypes, _ expansions: ExpansionCache) async {
    let feeds = OwnedType.all.map {
      OwnedFeed(type: $0, namespace: namespace, agents: agents, owned: owned, expansions: expansions, queue: queue)
    }
    let versions = await FirstPages(client: client, served: served, selection: Self.ours).read(feeds)
    await withTaskGroup(of: Void.self) { group in
      for feed in feeds {
        let first = FirstList()
        group.addTask { await follow(feed, served, first, from: versions[feed.type]) }
        // What could not be listed before is listed now, one type after the other: not all are in memory at once.
        if versions[feed.type] == nil { await first.wait() }
      }
      guard !Task.isCancelled else { return }
      known.insert(namespace)
      let count = lookAtAll(in: namespace)
      logger.info("A namespace is known", metadata: ["namespace": "\(namespace)", "agents": "\(count)"])
    }
  }

  /// - Returns: how many there are.
  @discardableResult
  private func lookAtAll(in namespace: String) -> Int {
    let here = agents.keys.filter { $0.namespace == namespace }
    for key in here { queue.add(key) }
    return here.count
  }

  private static let ours = Selection(labels: "\(Expander.managedBy)=\(Expander.manager)")

  /// Of a type that the cluster does not serve nothing is known, until it does.
  private func follow(_ feed: OwnedFeed, _ served: ServedTypes, _ first: FirstList, from version: String?) async {
    while !Task.isCancelled, version == nil {
      do {
        if try await served.serves(feed.type) { break }
        first.arrived()
      } catch {
        logger.warning("The cluster does not tell what it serves", metadata: ["error": "\(error)"])
      }
      // Cancelled while it waits, the loop ends.
      try? await Task.sleep(for: .seconds(10))
    }
    await Reflector(client, feed.type.resource, namespace: feed.namespace, Self.ours, from: version).run { change in
      if case .interrupted(let fault) = change {
        logger.warning(
          "Objects cannot be followed",
          metadata: ["type": "\(feed.type.resource)", "namespace": "\(feed.namespace)", "error": "\(fault)"])
      }
      await feed.receive(change)
      note(change, of: feed)
      if case .replaced = change { first.arrived() }
    }
  }

  /// Agents are told when objects of theirs may not be followed: what others change of them would stay so.
  private func note(_ change: ObjectChange, of feed: OwnedFeed) {
    var refusal: Fault?
    if case .interrupted(let fault) = change {
      // Of another failure nothing is known but that it passes.
      guard fault.code == .denied else { return }
      refusal = fault
    }
    if known.note(refusal, of: feed.type, in: feed.namespace) { lookAtAll(in: feed.namespace) }
  }

  private func measure() async {
    while !Task.isCancelled {
      metrics.set(agents: agents.keys.count, objects: owned.count, depth: queue.depth)
      // Cancelled while it waits, the loop ends.
      try? await Task.sleep(for: .seconds(1))
    }
  }
}
