import AgentModel
import Logging
import NodeProtocol
import Planning
import Sandbox
import Turns

/// Keeps the statuses true: what they say was read from the kernel a moment ago.
extension Reconciler {
  /// Reads every layer of every running agent; agents with a layer that is gone are stopped and started anew.
  func readBackAll() async {
    await stopOpen()
    await withDiscardingTaskGroup { group in
      for agent in desired.agents { group.addTask { await self.looks.take { await self.readBack(agent) } } }
    }
  }

  /// One agent's layers; it is stopped if one of them is not enforced.
  private func readBack(_ agent: DesiredAgent) async {
    guard let state = states[agent.uid], state.sandbox == .running, !busy.contains(agent.uid) else { return }
    if let standing = state.record.standingResponse {
      guard enforcing[agent.uid] == nil else { return }
      return await holdOn(agent.uid, standing)
    }
    let layers = await machine.readBack(record: state.record, pod: agent.pod)
    // The agent may have got other work, or another sandbox, while it was looked at.
    guard isIdle(agent.uid, process: state.record.sandboxProcess) else { return }
    if states[agent.uid]?.layers != layers {
      states[agent.uid]?.layers = layers
      changed()
    }
    guard let broken = layers.first(where: { $0.state == .failed }) else { return }
    // A program that has just ended is no breach: whoever waits for it knows its exit code, and tells it.
    let status = try? await machine.runtime.state(machine.sandboxID(agent.uid))?.status
    // The others are as open.
    if broken.layer == "network" { await closeBreach() }
    guard status != .stopped, isIdle(agent.uid, process: state.record.sandboxProcess) else { return }
    await stop(agent.uid, broken.layer, broken.evidence)
  }

  /// Whether the agent still runs in that sandbox, and nothing else is being done about it.
  func isIdle(_ uid: AgentUID, process: Int32?) -> Bool {
    guard let state = states[uid], !busy.contains(uid) else { return false }
    return state.sandbox == .running && state.record.sandboxProcess == process && state.record.standingResponse == nil
  }

  /// Fails closed: the agent is stopped, and started anew when the node gets to it.
  func stop(_ uid: AgentUID, _ layer: String, _ evidence: String) async {
    busy.insert(uid)
    defer {
      busy.remove(uid)
      changed()
      signal.yield()
    }
    machine.logger.error(
      "A layer is not enforced; the agent is stopped",
      metadata: [
        "agent.id": "\(states[uid].map { "\($0.record.id)" } ?? "")", "layer": "\(layer)", "evidence": "\(evidence)",
      ])
    // Told first: a node that ends meanwhile must not start it anew as if nothing had been.
    let reason = "stopped because layer '\(layer)' was not enforced: \(evidence)"
    states[uid]?.breach = nil
    states[uid]?.layers = []
    states[uid]?.record.lastTermination = reason
    states[uid]?.record.restarts += 1
    saveRecordIfPossible(uid)
    // A response that comes from now on ends what is being ended.
    states[uid]?.sandbox = .halfMade
    do {
      try await machine.runtime.delete(machine.sandboxID(uid))
      await machine.watch.forget(machine.sandboxID(uid).description)
      states[uid]?.sandbox = .absent
      states[uid]?.record.sandboxProcess = nil
      // One that was answered about meanwhile stays as the answer has it.
      if let standing = states[uid]?.record.standingResponse { return show(standing, uid) }
      states[uid]?.phase = .starting
      states[uid]?.reason = reason
    } catch {
      // Removed by the next plan, and not run on meanwhile as if nothing were the matter.
      fail(uid, nil, step: .removeSandbox, error: error)
    }
  }
}
