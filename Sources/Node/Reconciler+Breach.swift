import AgentModel
import Logging
import NetworkIsolation
import Planning
import Turns

/// Agents that were without the firewall are cut off at once and then stopped, each of them, whatever it was doing.
extension Reconciler {
  /// Restores the firewall if it is gone or was changed.
  func closeBreach() async {
    do {
      guard let breach = try await machine.network.breach() else { return }
      note(breach)
      do { try machine.network.cutOff(breach) } catch {
        // The table closes them as well; they are stopped all the same.
        machine.logger.error("An agent is not cut off", metadata: ["error": "\(error)"])
      }
      try await machine.network.install()
    } catch {
      // It is tried again by the clock; launches fail with what is wrong, and are tried again.
      machine.logger.error("The firewall is not restored", metadata: ["error": "\(error)"])
    }
  }

  /// Marks the sandboxes that are there, also of agents that are starting or being changed.
  func note(_ breach: FirewallBreach) {
    let slots = Set(breach.networks.map(\.slot))
    for (uid, state) in states where slots.contains(state.record.slot) { states[uid]?.breach = breach.reason }
    machine.logger.error(
      "The firewall is open", metadata: ["evidence": "\(breach.reason)", "agents": "\(breach.networks.count)"])
  }

  /// Stops those that are marked. One that is busy is stopped by a later round, and reaches nothing until then; one that
  /// is frozen or quarantined was none the worse for it, and stays as it is.
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
}
