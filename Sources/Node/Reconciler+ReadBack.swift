import AgentModel
import Logging
import NetworkIsolation
import NodeProtocol
import Planning
import Sandbox

/// Keeps the statuses true: what they say was read from the kernel a moment ago.
extension Reconciler {
  /// Reads every layer of every running agent; agents with a layer that is gone are stopped and started anew.
  func readBackAll() async {
    var stopped: Set<AgentUID> = []
    // Agents share the firewall's table, which is mended only after a round that found none open: mended sooner, it
    // would show the others as if they had never been without it.
    while true {
      let found = await stopOpenAgents()
      stopped.formUnion(found)
      guard !found.isEmpty else { break }
    }
    // With no agent there is nobody whose read-back would show what is missing for the next.
    guard !stopped.isEmpty || !states.values.contains(where: { $0.sandbox == .running }) else { return }
    do {
      try await machine.network.install()
    } catch {
      // The agents' launches fail with what is wrong, and are tried again.
      machine.logger.error("The firewall is not restored", metadata: ["error": "\(error)"])
    }
    guard !stopped.isEmpty else { return }
    busy.subtract(stopped)
    changed()
    signal.yield()
  }

  /// One round over the running agents, each of which is stopped where it is found open.
  ///
  /// - Returns: those that were stopped; they stay busy.
  private func stopOpenAgents() async -> Set<AgentUID> {
    var stopped: Set<AgentUID> = []
    for agent in desired.agents {
      guard let state = states[agent.uid], state.sandbox == .running, !busy.contains(agent.uid) else { continue }
      if let standing = state.record.standingResponse {
        guard enforcing[agent.uid] == nil else { continue }
        await holdOn(agent.uid, standing)
        continue
      }
      let layers = await machine.readBack(record: state.record, pod: agent.pod)
      guard states[agent.uid]?.sandbox == .running, !busy.contains(agent.uid),
        states[agent.uid]?.record.standingResponse == nil
      else { continue }
      if states[agent.uid]?.layers != layers {
        states[agent.uid]?.layers = layers
        changed()
      }
      guard let broken = layers.first(where: { $0.state == .failed }) else { continue }
      // A program that has just ended is no breach: whoever waits for it knows its exit code, and tells it.
      let status = try? await machine.runtime.state(machine.sandboxID(agent.uid))?.status
      guard status != .stopped else { continue }
      if await stop(agent, broken, process: state.record.sandboxProcess) { stopped.insert(agent.uid) }
    }
    return stopped
  }

  /// Fails closed: the agent is stopped before anything is mended.
  ///
  /// - Returns: whether it was stopped and is busy from now on.
  private func stop(_ agent: DesiredAgent, _ broken: LayerStatus, process: Int32?) async -> Bool {
    // The agent may have got other work, or another sandbox, while it was looked at.
    guard let state = states[agent.uid], state.sandbox == .running, state.record.sandboxProcess == process,
      state.record.standingResponse == nil, !busy.contains(agent.uid)
    else { return false }
    busy.insert(agent.uid)
    machine.logger.error(
      "A layer is not enforced; the agent is stopped",
      metadata: ["agent.id": "\(agent.id)", "layer": "\(broken.layer)", "evidence": "\(broken.evidence)"])
    do {
      try await machine.runtime.delete(machine.sandboxID(agent.uid))
      states[agent.uid]?.sandbox = .absent
      noteStopped(agent.uid, "stopped because layer '\(broken.layer)' was not enforced: \(broken.evidence)")
    } catch {
      // Removed by the next plan, and not run on meanwhile as if nothing were the matter.
      states[agent.uid]?.sandbox = .halfMade
      fail(agent.uid, agent, step: .removeSandbox, error: error)
    }
    return true
  }

  /// The record of an agent that the node stopped, and starts anew as soon as it can.
  func noteStopped(_ uid: AgentUID, _ reason: String) {
    states[uid]?.record.sandboxProcess = nil
    states[uid]?.phase = .starting
    states[uid]?.reason = reason
    states[uid]?.record.lastTermination = reason
    states[uid]?.record.restarts += 1
  }
}
