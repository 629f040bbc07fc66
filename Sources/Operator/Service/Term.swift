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

  private let agents = AgentCache()
  private let owned = OwnedIndex()
  private let pods = PodCache()
  private let queue = WorkQueue<ObjectKey>()
  private let lists = FirstLists()

  init(client: KubernetesClient, settings: OperatorService.Settings, metrics: OperatorMetrics, logger: Logger) {
    self.client = client
    self.settings = settings
    self.metrics = metrics
    self.logger = logger
  }

  /// Until the calling task is cancelled.
  func run() async {
    let expander = Expander(values: settings.values, policy: settings.policy, gateway: settings.gateway)
    let served = ServedTypes(client)
    await withTaskGroup(of: Void.self) { group in
      for namespace in expander.namespaces {
        let place = "agents in \(namespace)"
        lists.expect(place)
        group.addTask { await followAgents(in: namespace, place) }
      }
      // What objects are compared with has to be known before them, and all of it before anything is done.
      await lists.wait()
      let expansions = ExpansionCache(expander)
      for namespace in expander.namespaces {
        for type in OwnedType.all {
          let place = "\(type.resource) in \(namespace)"
          lists.expect(place)
          let feed = OwnedFeed(
            type: type, namespace: namespace, agents: agents, owned: owned, pods: pods, expansions: expansions,
            queue: queue)
          group.addTask { await follow(feed, served, place) }
        }
      }
      await lists.wait()
      guard !Task.isCancelled else { return group.cancelAll() }
      logger.info(
        "Everything is known", metadata: ["agents": "\(agents.keys.count)", "objects": "\(owned.count)"])
      let reconciler = AgentReconciler(
        client: client, expander: expander, agents: agents, owned: owned, pods: pods, served: served,
        events: EventRecorder(client: client, identity: settings.identity, logger: logger), metrics: metrics)
      for key in agents.keys { queue.add(key) }
      group.addTask { await measure() }
      await queue.run(workers: settings.workers) { key in try await look(at: key, reconciler) }
      group.cancelAll()
    }
  }

  private func look(at key: ObjectKey, _ reconciler: AgentReconciler) async throws -> Duration? {
    let start = ContinuousClock.now
    do {
      let next = try await reconciler.reconcile(key)
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

  private func followAgents(in namespace: String, _ place: String) async {
    await Reflector(client, AgentObject.type, namespace: namespace).run { change in
      switch change {
      case .replaced(let objects):
        let fresh = objects.map(AgentObject.init(object:))
        let keys = Set(fresh.map(\.key))
        for key in agents.keys where key.namespace == namespace && !keys.contains(key) { agents.remove(key) }
        for agent in fresh {
          agents.set(agent)
          queue.add(agent.key)
        }
        lists.arrived(place)
      case .changed(let object):
        let agent = AgentObject(object: object)
        agents.set(agent)
        queue.add(agent.key)
      case .deleted(let object): agents.remove(ObjectKey(object))
      case .interrupted(let fault):
        logger.warning("Agents cannot be followed", metadata: ["namespace": "\(namespace)", "error": "\(fault)"])
      }
    }
  }

  /// Of a type that the cluster does not serve nothing is known, until it does.
  private func follow(_ feed: OwnedFeed, _ served: ServedTypes, _ place: String) async {
    while !Task.isCancelled {
      do {
        if try await served.serves(feed.type) { break }
        lists.arrived(place)
      } catch {
        logger.warning("The cluster does not tell what it serves", metadata: ["error": "\(error)"])
      }
      // Cancelled while it waits, the loop ends.
      try? await Task.sleep(for: .seconds(10))
    }
    let selection = Selection(labels: "\(Expander.managedBy)=\(Expander.manager)")
    await Reflector(client, feed.type.resource, namespace: feed.namespace, selection).run { change in
      if case .interrupted(let fault) = change {
        logger.warning("Objects cannot be followed", metadata: ["what": "\(place)", "error": "\(fault)"])
      }
      feed.receive(change)
      if case .replaced = change { lists.arrived(place) }
    }
  }

  private func measure() async {
    while !Task.isCancelled {
      metrics.set(agents: agents.keys.count, objects: owned.count, depth: queue.depth)
      // Cancelled while it waits, the loop ends.
      try? await Task.sleep(for: .seconds(1))
    }
  }
}
