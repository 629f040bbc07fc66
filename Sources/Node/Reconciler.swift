import AgentModel
import Documents
import Faults
import Foundation
import Images
import Logging
import NetworkIsolation
import NodeProtocol
import Planning
import Sandbox
import Turns

/// Makes the machine look like the desired state: observe, plan, execute, at every signal and every few seconds.
///
/// It takes no input but the desired state, does the same work whatever changed, and works on several agents at a time
/// but never twice on one. What it remembers is corrected by what the machine shows.
actor Reconciler {
  let machine: Machine
  var desired = DesiredState(revision: 0, agents: [])
  var states: [AgentUID: AgentState] = [:]
  var busy: Set<AgentUID> = []
  /// Responses that are being carried out.
  var enforcing: [AgentUID: Task<StandingResponse, any Error>] = [:]
  /// Agents that start at the same time; more would only slow one another. Its image is there when an agent takes its
  /// turn, so a turn takes a second or two.
  let launches = Turn(places: 4)
  /// Agents that are read back, or stopped for what was found, at the same time.
  let looks = Turn(places: 8)
  private(set) var revision: UInt64 = 1
  private var watchers: [UUID: CheckedContinuation<Void, Never>] = [:]
  private let signals: AsyncStream<Void>
  let signal: AsyncStream<Void>.Continuation
  private let readBacks: AsyncStream<Void>
  let readBack: AsyncStream<Void>.Continuation
  private let firewallLooks: AsyncStream<Void>
  private let firewallLook: AsyncStream<Void>.Continuation
  /// Why nothing may start now.
  var firewallFault: String?

  private static let interval = Duration.seconds(2)
  /// Between two read-backs of every layer of every agent.
  private static let readBackInterval = Duration.seconds(10)
  /// Between two of them at the least, whatever happens to the firewall.
  private static let readBackPause = Duration.milliseconds(500)
  private static let sessionInterval = Duration.seconds(1)
  private static let trimInterval = Duration.milliseconds(500)
  private static let collectInterval = Duration.seconds(60)

  init(machine: Machine) {
    self.machine = machine
    (signals, signal) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    (firewallLooks, firewallLook) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    (readBacks, readBack) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
  }

  // MARK: Requests

  /// - Throws: `Fault(.conflict)` for a revision lower than the one in force.
  func apply(_ state: DesiredState) throws -> Int64 {
    guard state.revision >= desired.revision else {
      throw Fault(
        .conflict, operation: "apply revision \(state.revision)",
        reason: "revision \(desired.revision) is in force", remedy: "restore the newer database of the control plane")
    }
    if state.revision != desired.revision || state.agents.count != desired.agents.count {
      var stored = state
      stored.identity = nil  // every push brings it anew
      try writeAtomically(stored, to: machine.layout.desiredStateFile)
    }
    desired = state
    desired.identity = nil
    signal.yield()
    return state.revision
  }

  func observed() async -> ObservedState {
    let (requests, tokens) = (await machine.proxy.requests, await machine.sessions.requests)
    let secrets = await machine.secrets.held
    let agents = states.values.map { state in
      let network = try? machine.network.network(slot: state.record.slot)
      return state.observed(
        interface: network?.interface, address: network?.agentAddress, secrets: secrets[state.record.uid])
    }
    return ObservedState(
      revision: revision, agents: agents.sorted { $0.uid < $1.uid }, certificateRequests: requests,
      tokenRequests: tokens)
  }

  /// Returns at the next change past `after`, when the time is over, or when cancelled.
  func waitForChange(after: UInt64, seconds: Int) async {
    guard revision <= after, seconds > 0 else { return }
    let id = UUID()
    let timeout = Task {
      // Cancellation only shortens the wait.
      try? await Task.sleep(for: .seconds(min(seconds, 60)))
      release(id)
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { waiting in
        if Task.isCancelled { waiting.resume() } else { watchers[id] = waiting }
      }
    } onCancel: {
      Task { await release(id) }  // wakes the waiter below, which is all that it does
    }
    timeout.cancel()
  }

  /// The sandbox's process of each agent that runs.
  var processes: [AgentUID: Int32] {
    states.compactMapValues { $0.sandbox == .running ? $0.record.sandboxProcess : nil }
  }

  func agentIsRunning(_ uid: AgentUID) -> Bool { states[uid]?.sandbox == .running }

  func agentExists(_ uid: AgentUID) -> Bool { states[uid] != nil }

  private func release(_ id: UUID) { watchers.removeValue(forKey: id)?.resume() }

  func changed() {
    revision += 1
    for watcher in watchers.values { watcher.resume() }
    watchers = [:]
  }

  // MARK: The loop

  /// Reconciles until cancelled; sandboxes go on running then.
  func run() async {
    let events = watchFirewall()
    defer { events?.stop() }
    await withDiscardingTaskGroup { group in
      group.addTask { [signal] in
        while !Task.isCancelled {
          try? await Task.sleep(for: Self.interval)  // cancelled: the loop ends
          signal.yield()
        }
        signal.finish()
      }
      group.addTask { await self.stopOpen() }
      group.addTask { [firewallLook, readBack] in
        await self.every(Self.readBackInterval) {
          firewallLook.yield()
          readBack.yield()
        }
      }
      group.addTask { [firewallLooks] in
        for await _ in firewallLooks where !Task.isCancelled {
          await self.closeBreach()
          try? await Task.sleep(for: Self.readBackPause)  // cancelled: the loop ends
        }
      }
      group.addTask { [readBacks] in
        for await _ in readBacks where !Task.isCancelled {
          await self.readBackAll()
          try? await Task.sleep(for: Self.readBackPause)  // cancelled: the loop ends
        }
      }
      group.addTask { await self.every(Self.interval) { await self.machine.proxy.tick() } }
      group.addTask { await self.every(Self.interval) { await self.machine.secrets.tick() } }
      group.addTask { await self.every(Self.sessionInterval) { await self.renewSessions() } }
      group.addTask { await self.every(Self.trimInterval) { await self.trimLogs() } }
      group.addTask { await self.every(Self.collectInterval) { await self.collectImages() } }
      for await _ in signals {
        if Task.isCancelled { break }
        for (plan, agent) in takePlans() {
          group.addTask { await self.execute(plan, agent) }
        }
      }
    }
  }

  /// Has the firewall looked at when somebody changes it, sooner than by the clock.
  private func watchFirewall() -> FirewallEvents? {
    do {
      let events = try machine.network.events()
      events.start { [firewallLook] in firewallLook.yield() }
      return events
    } catch {
      machine.logger.warning("Changes of the firewall are seen by the clock alone", metadata: ["error": "\(error)"])
      return nil
    }
  }

  private nonisolated func every(_ interval: Duration, _ work: () async -> Void) async {
    while true {
      do { try await Task.sleep(for: interval) } catch { return }  // cancelled: the node ends
      await work()
    }
  }

  private func trimLogs() {
    for uid in states.keys { AgentLog(path: machine.files(uid).log.file).trim() }
  }

  private func collectImages() async {
    do {
      try await machine.images.collect(keeping: Set(states.values.compactMap(\.record.imageDigest)))
    } catch {
      machine.logger.warning("Images are not removed", metadata: ["error": "\(error)"])
    }
  }

  /// The plans that can be worked on now, marked busy.
  private func takePlans() -> [(AgentPlan, DesiredAgent?)] {
    let now = ContinuousClock.now
    let wanted = Dictionary(desired.agents.map { ($0.uid, $0) }) { first, _ in first }
    for agent in desired.agents where states[agent.uid] == nil {
      states[agent.uid] = AgentState(record: AgentRecord(id: agent.id, uid: agent.uid, slot: freeSlot()))
      changed()
    }
    let plans = plan(
      desired: desired.agents.map(Desired.init),
      found: states.map { $0.value.found(hasFiles: machine.files($0.key).exist, now: now) })
    var taken: [(AgentPlan, DesiredAgent?)] = []
    for plan in plans where !busy.contains(plan.uid) {
      if let after = states[plan.uid]?.retryAfter, after > now { continue }
      if plan.steps == [.confirmDestroyed], states[plan.uid]?.destroyed == true { continue }
      busy.insert(plan.uid)
      taken.append((plan, wanted[plan.uid]))
    }
    forgetDestroyed(keeping: Set(wanted.keys))
    noteSettled(wanted)
    return taken
  }

  private func freeSlot() -> Int {
    let used = Set(states.values.map(\.record.slot))
    return (0...).first { !used.contains($0) } ?? 0
  }

  private func forgetDestroyed(keeping wanted: Set<AgentUID>) {
    for (uid, state) in states where !wanted.contains(uid) && !busy.contains(uid) {
      if state.destroyed || !machine.files(uid).exist { states[uid] = nil }
    }
  }

  /// An agent that needs no step is where it was asked to be: the status says so for this generation.
  private func noteSettled(_ wanted: [AgentUID: DesiredAgent]) {
    for (uid, agent) in wanted where !busy.contains(uid) {
      guard var state = states[uid], state.observedGeneration != agent.generation else { continue }
      if agent.wish == .stop, state.sandbox == .absent {
        state.phase = .stopped
        state.reason = nil
        state.fault = nil
        state.layers = []
        state.observedGeneration = agent.generation
        state.record.completedGeneration = nil
        state.record.failedGeneration = nil
        states[uid] = state
        changed()
      }
    }
  }
}

extension Desired {
  init(_ agent: DesiredAgent) {
    let wish: Wish =
      switch agent.wish {
      case .run: .run
      case .stop: .stop
      case .destroy: .destroy
      }
    self.init(
      uid: agent.uid, generation: agent.sandboxGeneration, policyGeneration: agent.generation, wish: wish,
      restartPolicy: AgentSpec.RestartPolicy(rawValue: agent.pod.spec.restartPolicy) ?? .always)
  }
}
