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
      machine.logger.warning("The firewall is whole again")
      firewallFault = nil
    } catch {
      // It is tried again by the clock; nothing starts until then, and what runs is stopped.
      machine.logger.error("The firewall is not restored", metadata: ["error": "\(error)"])
      firewallFault = "\(error)"
      note("the firewall is open", slots: Set(states.values.map(\.record.slot)))
    }
    readBack.yield()
  }

  func note(_ breach: FirewallBreach) { note(breach.reason, slots: Set(breach.networks.map(\.slot))) }

  /// Marks the sandboxes that are there, or are being made. What is frozen or quarantined was none the worse for it.
  private func note(_ reason: String, slots: Set<Int>) {
    machine.logger.error("The firewall was open", metadata: ["evidence": "\(reason)", "agents": "\(slots.count)"])
    let layer = LayerStatus(layer: "network", state: .failed, evidence: reason)
    for (uid, state) in states where slots.contains(state.record.slot) && state.record.standingResponse == nil {
      states[uid]?.breach = reason
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

  /// Adds to how the sandbox ended, whoever ended it, that it was without the firewall.
  func tellBreach(_ uid: AgentUID) {
    guard let breach = states[uid]?.breach else { return }
    states[uid]?.breach = nil
    let told = "layer 'network' was not enforced: \(breach)"
    let before = states[uid]?.record.lastTermination
    states[uid]?.record.lastTermination = before.map { "\($0); \(told)" } ?? told
    saveRecordIfPossible(uid)
  }
}
