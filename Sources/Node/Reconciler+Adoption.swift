import AgentModel
import Faults
import Foundation
import Logging
import NetworkIsolation
import NodeProtocol
import Planning
import Sandbox

/// What an earlier node left on the machine, taken up or taken away.
extension Reconciler {
  /// Takes up what an earlier node left: its desired state, and the agents that go on running.
  ///
  /// - Parameter breach: who was found without the firewall; they are stopped, and started anew.
  func adopt(_ breach: FirewallBreach?) async throws {
    if let data = FileManager.default.contents(atPath: machine.layout.desiredStateFile) {
      do {
        desired = try JSONDecoder().decode(DesiredState.self, from: data)
      } catch {
        throw Fault(
          .invalid, operation: "read \(machine.layout.desiredStateFile)", reason: "it is not a desired state",
          remedy: "remove the file; the control plane sends it anew", cause: error)
      }
    }
    machine.runtime.endStaleWaiters()
    let sandboxes = Dictionary(try await machine.runtime.list().map { ($0.id, $0) }) { first, _ in first }
    let directories = (try? FileManager.default.contentsOfDirectory(atPath: machine.layout.agentsDirectory)) ?? []
    for uid in directories.compactMap(AgentUID.init) {
      guard let record = machine.files(uid).readRecord() else { continue }
      // Also of an agent that does not run: its log can be read if the kernel has its key, which it has until the machine
      // restarts.
      do { try await machine.files(uid).log.mountAsItIs(size: AgentLog.volumeSize) } catch {
        machine.logger.warning("A log is not to be read", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      }
      var state = AgentState(record: record)
      // What of the network is left shows at the first read-back; detaching what is not there does no harm.
      state.hasNetwork = true
      let sandbox = sandboxes[machine.sandboxID(uid)]
      if let sandbox { adopt(sandbox, into: &state) }
      states[uid] = state
      if let standing = record.standingResponse, state.sandbox == .running, standing.generation == record.generation {
        show(standing, uid)
      }
    }
    if let breach { note(breach) }
    try await removeLeftovers(sandboxes)
    let running = desired.agents.compactMap { agent -> (agent: DesiredAgent, network: AgentNetwork)? in
      guard let state = states[agent.uid], state.sandbox == .running,
        let network = try? machine.network.network(slot: state.record.slot)  // a slot of the plan, by construction
      else { return nil }
      return (agent, network)
    }
    await machine.proxy.adopt(running.map { ($0.agent, $0.network.agentAddress) })
    await machine.watch.adopt(
      running.map { WatchedSandbox($0.agent, container: machine.sandboxID($0.agent.uid), network: $0.network) })
    await machine.watch.onOrder { [weak self] order in
      await self?.respond(order) ?? ResponseAnswer(alert: order.alert, time: .now, failure: "the node ends")
    }
    await machine.secrets.adopt(Set(states.filter { $0.value.sandbox == .running }.keys))
    await machine.proxy.onRequests { [weak self] in await self?.changed() }
    await machine.sessions.onRequests { [weak self] in await self?.changed() }
    signal.yield()
  }

  private func adopt(_ sandbox: SandboxState, into state: inout AgentState) {
    switch sandbox.status {
    case .running, .paused:
      state.sandbox = .running
      state.phase = .running
      state.observedGeneration = state.record.generation ?? 0
      state.runningSince = .now
      state.record.sandboxProcess = sandbox.process
      watchAdopted(state.record.uid, process: sandbox.process)
      machine.logger.info(
        "Agent adopted", metadata: ["agent.id": "\(state.record.id)", "process.id": "\(sandbox.process)"])
    case .created: state.sandbox = .halfMade
    case .stopped: state.sandbox = .ended(nil)
    }
  }

  /// Removes sandboxes and networks that no agent's record claims.
  private func removeLeftovers(_ sandboxes: [SandboxID: SandboxState]) async throws {
    let claimed = Set(states.keys.map(machine.sandboxID))
    for id in sandboxes.keys where !claimed.contains(id) {
      try await machine.runtime.delete(id)
      machine.logger.warning("Leftover removed", metadata: ["sandbox.id": "\(id)"])
    }
    for leftover in try await machine.network.reclaim(keeping: Set(states.values.map(\.record.slot))) {
      machine.logger.warning("Leftover removed", metadata: ["object": "\(leftover)"])
    }
  }
}
