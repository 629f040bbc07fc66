import AgentModel
import Faults
import Foundation
import Images
import Logging
import NetworkIsolation
import NodeProtocol
import Planning
import Sandbox
import Turns

/// The steps of a plan, carried out.
extension Reconciler {
  /// Bytes of each part of a fault that is told: it may hold what an agent's owner wrote, and the faults of all agents
  /// have to fit into one message.
  private static let longestText = 512

  func execute(_ plan: AgentPlan, _ agent: DesiredAgent?) async {
    states[plan.uid]?.retryAfter = nil
    for step in plan.steps {
      do {
        try await perform(step, plan.uid, agent)
      } catch {
        fail(plan.uid, agent, step: step, error: error)
        break
      }
    }
    if states[plan.uid]?.retryAfter == nil { states[plan.uid]?.retries = RestartBackOff() }
    busy.remove(plan.uid)
    changed()
    signal.yield()
  }

  private func perform(_ step: Step, _ uid: AgentUID, _ agent: DesiredAgent?) async throws {
    guard let record = states[uid]?.record else { return }
    let id = machine.sandboxID(uid)
    switch step {
    case .stop:
      try await stopSandbox(id, record: record)
    case .recordExit(let exit):
      recordExit(uid, exit, agent)
    case .removeSandbox:
      tellBreach(uid)
      try await machine.runtime.delete(id)
      await machine.watch.forget(id.description)
      states[uid]?.record.standingResponse = nil
      states[uid]?.sandbox = .absent
      states[uid]?.record.sandboxProcess = nil
      states[uid]?.layers = []
      try saveRecord(uid)
    case .cutOff:
      try await machine.files(uid).volume.unmount()
      // A secrets manager that does not answer keeps no sandbox; the control plane has shut the agent out there.
      await machine.secrets.withdraw(uid)
      do { try await machine.sessions.revoke(record.id) } catch {
        machine.logger.warning("A token is not revoked", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      }
      try await machine.proxy.withdraw(uid)
      try await machine.network.detach(machine.network.network(slot: record.slot))
      states[uid]?.hasNetwork = false
    case .destroyFiles:
      try await machine.files(uid).destroy()
    case .confirmDestroyed:
      states[uid]?.destroyed = true
      states[uid]?.phase = .stopped
      states[uid]?.reason = nil
      states[uid]?.fault = nil
      states[uid]?.observedGeneration = agent?.generation ?? 0
    case .launch(let generation):
      guard let agent else { return }
      try await launch(agent, generation: generation)
    case .applyPolicy(let generation):
      guard let agent else { return }
      let network = try machine.network.network(slot: record.slot)
      await machine.watch.update(
        WatchedSandbox(agent, container: id, network: network))
      try await machine.secrets.admit(agent)
      try await machine.proxy.admit(agent, address: network.agentAddress)
      states[uid]?.policyGeneration = generation
      states[uid]?.observedGeneration = generation
      states[uid]?.reason = nil
      states[uid]?.fault = nil
    }
  }

  private func launch(_ agent: DesiredAgent, generation: Int64) async throws {
    guard var state = states[agent.uid] else { return }
    if state.record.generation != generation {
      state.record.restarts = 0
      state.backOff = RestartBackOff()
      state.record.failedGeneration = nil
      state.record.completedGeneration = nil
      state.record.fault = nil
    }
    state.record.standingResponse = nil
    state.record.generation = generation
    state.observedGeneration = agent.generation
    state.phase = .starting
    state.reason = nil
    state.fault = nil
    state.hasNetwork = true
    states[agent.uid] = state
    changed()

    let launch = Launch(
      desired: agent, record: state.record, files: machine.files(agent.uid), machine: machine)
    let image: ResolvedImage
    do {
      image = try await launch.image()
    } catch {
      states[agent.uid]?.hasNetwork = false
      throw error
    }
    let record = state.record
    try await launches.take { try await self.launch(record, generation: generation, image) }
  }

  private func launch(_ record: AgentRecord, generation: Int64, _ image: ResolvedImage) async throws {
    // To fetch an image can take its time, and what is wanted may be something else by now.
    guard
      let agent = desired.agents.first(where: {
        $0.uid == record.uid && $0.wish == .run && $0.sandboxGeneration == generation
      })
    else { return }
    if let firewallFault {
      throw Fault(
        .unavailable, operation: "start agent \(agent.id)", reason: "the firewall is open: \(firewallFault)",
        remedy: "see the log of the node; it is tried again")
    }
    // There is no sandbox that could have been without it.
    states[agent.uid]?.breach = nil
    let launched: Launch.Launched
    do {
      launched = try await Launch(
        desired: agent, record: record, files: machine.files(agent.uid), machine: machine
      ).run(image)
    } catch {
      // What the launch could not undo is undone by the next passes, which find nothing when all is gone.
      states[agent.uid]?.sandbox = .halfMade
      tellBreach(agent.uid)
      throw error
    }
    guard states[agent.uid] != nil else { return }
    // What was proven has been behind the firewall since it got its network; else the mark is of now.
    if !launched.layers.isEmpty { states[agent.uid]?.breach = nil }
    states[agent.uid]?.sandbox = .running
    states[agent.uid]?.phase = .running
    states[agent.uid]?.layers = launched.layers
    states[agent.uid]?.policyGeneration = agent.generation
    states[agent.uid]?.observedGeneration = agent.generation
    states[agent.uid]?.runningSince = .now
    states[agent.uid]?.record.imageDigest = launched.imageDigest
    states[agent.uid]?.record.sandboxProcess = launched.process
    states[agent.uid]?.record.startedAt = Date()
    try saveRecord(agent.uid)
    watchChild(agent.uid, process: launched.process)
    // One that came while it was launched counts for it.
    if let standing = states[agent.uid]?.record.standingResponse, standing.generation == generation {
      show(standing, agent.uid)
      try await machine.runtime.end(machine.sandboxID(agent.uid))
    }
  }

  func fail(_ uid: AgentUID, _ agent: DesiredAgent?, step: Step, error: any Error) {
    let fault = Fault.wrap(error, operation: "reconcile agent \(uid)", remedy: "see the log of the node")
      .shortened(toBytes: Self.longestText)
    machine.logger.error("A step failed", metadata: ["agent.uid": "\(uid)", "step": "\(step)", "error": "\(fault)"])
    states[uid]?.fault = fault
    states[uid]?.reason = nil
    // An agent whose hosts could not be changed runs on with those that it had.
    if case .applyPolicy = step {} else { states[uid]?.phase = .failed }
    guard case .launch(let generation) = step, fault.code != .unavailable else {
      // A launch is not tried again, unless what it needs may come back by itself; anything else is, but not as fast as
      // the machine can.
      _ = states[uid]?.retries.delay(afterRunOf: .zero)
      let delay = states[uid]?.retries.delay(afterRunOf: .zero) ?? .seconds(1)
      states[uid]?.retryAfter = .now + max(delay, .seconds(1))
      return
    }
    states[uid]?.record.failedGeneration = generation
    states[uid]?.record.fault = fault
    states[uid]?.layers = []
    // Else a node that starts anew tries the launch once more, which is all that is lost.
    saveRecordIfPossible(uid)
  }

  /// For what has to go on also when its record cannot be written.
  func saveRecordIfPossible(_ uid: AgentUID) {
    do { try saveRecord(uid) } catch {
      machine.logger.error("A record is not on disk", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
    }
  }

  func saveRecord(_ uid: AgentUID) throws {
    guard let record = states[uid]?.record, machine.files(uid).exist else { return }
    try machine.files(uid).write(record)
  }
}
