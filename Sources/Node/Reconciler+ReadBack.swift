import AgentModel
import Logging
import NetworkIsolation
import NodeProtocol
import Planning
import Sandbox

/// Keeps the statuses true: what they say was read from the kernel a moment ago.
extension Reconciler {
  /// Reads every layer of every running agent; an agent with a layer that is gone is stopped and started anew.
  func readBackAll() async {
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
      if status != .stopped { await repair(agent, broken, process: state.record.sandboxProcess) }
    }
  }

  /// Fails closed: the agent is stopped before anything is mended.
  private func repair(_ agent: DesiredAgent, _ broken: LayerStatus, process: Int32?) async {
    // The agent may have got other work, or another sandbox, while it was looked at.
    guard let state = states[agent.uid], state.sandbox == .running, state.record.sandboxProcess == process,
      state.record.standingResponse == nil, !busy.contains(agent.uid)
    else { return }
    busy.insert(agent.uid)
    defer {
      busy.remove(agent.uid)
      changed()
      signal.yield()
    }
    machine.logger.error(
      "A layer is not enforced; the agent is stopped",
      metadata: ["agent.id": "\(agent.id)", "layer": "\(broken.layer)", "evidence": "\(broken.evidence)"])
    do {
      try await machine.runtime.delete(machine.sandboxID(agent.uid))
      states[agent.uid]?.sandbox = .absent
      states[agent.uid]?.record.sandboxProcess = nil
      states[agent.uid]?.phase = .starting
      let reason = "stopped because layer '\(broken.layer)' was not enforced: \(broken.evidence)"
      states[agent.uid]?.reason = reason
      states[agent.uid]?.record.lastTermination = reason
      states[agent.uid]?.record.restarts += 1
      try await machine.network.install()
    } catch {
      fail(agent.uid, agent, step: .removeSandbox, error: error)
    }
  }
}
