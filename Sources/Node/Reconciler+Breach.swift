import AgentModel
import Logging
import NetworkIsolation
import Planning
import Turns

/// Agents that were without the firewall are cut off with its return and then stopped, each of them, whatever it did.
extension Reconciler {
  /// Restores the firewall if it is gone or was changed. Nothing waits for the agents that are stopped for it.
  func closeBreach() async {
    do {
      guard try await machine.network.fault() != nil else { return firewallFault = nil }
    } catch {
      // What runs is judged by its own read-back.
      return firewallFault = "it cannot be read: \(error)"
    }
    do {
      let (installed, breach) = try await machine.network.restore()
      if let breach { note(breach) }
      try writeAtomically(installed, to: machine.layout.installedTableFile)
      firewallFault = nil
    } catch {
      // It is tried again by the clock; nothing starts until then, and what runs is stopped.
      machine.logger.error("The firewall is not restored", metadata: ["error": "\(error)"])
      firewallFault = "\(error)"
      note(
        FirewallBreach(reasons: Dictionary(states.values.map { ($0.record.slot, "\(error)") }) { first, _ in first }))
    }
    readBack.yield()
  }

  /// Marks the sandboxes that are there, or are being made. What was frozen or quarantined was none the worse for it.
  func note(_ breach: FirewallBreach) {
    machine.logger.error(
      "The firewall was open",
      metadata: ["evidence": "\(breach.reasons.values.first ?? "")", "agents": "\(breach.reasons.count)"])
    for (uid, state) in states where state.record.standingResponse == nil || enforcing[uid] != nil {
      guard let reason = breach.reasons[state.record.slot], state.breach == nil else { continue }
      states[uid]?.breach = reason
      let layer = LayerStatus(layer: "network", state: .failed, evidence: reason)
      if state.sandbox == .running { states[uid]?.layers = state.layers.filter { $0.layer != layer.layer } + [layer] }
    }
    changed()
  }

  /// Stops those that are marked. One that is busy is stopped by a later round, and reaches nothing until then.
  func stopOpen() async {
    await withDiscardingTaskGroup { group in
      for (uid, state) in states {
        guard state.breach != nil, state.sandbox == .running else { continue }
        group.addTask { await self.looks.take { await self.stopOpen(uid, process: state.record.sandboxProcess) } }
      }
    }
  }

  private func stopOpen(_ uid: AgentUID, process: Int32?) async {
    guard let breach = states[uid]?.breach, isIdle(uid, process: process) else { return }
    await stop(uid, "network", breach)
  }

  /// Tells, whoever ends the sandbox, that it was without the firewall.
  ///
  /// - Parameter ending: how it ended, when that is known.
  func tellBreach(_ uid: AgentUID, ending: String? = nil) {
    guard let breach = states[uid]?.breach else { return }
    states[uid]?.breach = nil
    let told = "layer 'network' was not enforced: \(breach)"
    states[uid]?.record.lastTermination = ending.map { "\($0); \(told)" } ?? told
    saveRecordIfPossible(uid)
  }
}
