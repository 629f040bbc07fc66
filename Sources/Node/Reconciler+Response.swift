import AgentModel
import Faults
import Foundation
import Logging
import NetworkIsolation
import NodeProtocol
import Planning
import Sandbox

/// What is done about an agent when an alert asks for it. Each may be repeated; a weaker one changes nothing.
extension Reconciler {
  /// Carries a response out, and returns when it is in force.
  func respond(_ order: ResponseOrder) async -> ResponseAnswer {
    do {
      try await carryOut(order)
      return ResponseAnswer(alert: order.alert, time: .now)
    } catch {
      machine.logger.error(
        "A response failed",
        metadata: [
          "alert.id": "\(order.alert)", "sandbox.id": "\(order.container)", "response": "\(order.response)",
          "error": "\(error)",
        ])
      let fault = Fault.wrap(error, operation: "respond to alert \(order.alert)", remedy: "see the log of the node")
      return ResponseAnswer(alert: order.alert, time: .now, failure: fault.shortened(toBytes: 512).description)
    }
  }

  private func carryOut(_ order: ResponseOrder) async throws {
    guard let id = SandboxID(order.container), id.instance == machine.layout.instance, let state = states[id.uid] else {
      throw Fault(
        .notFound, operation: "respond to alert \(order.alert)", reason: "there is no sandbox '\(order.container)'",
        remedy: "list the agents with 'lobstack agent list'")
    }
    if let standing = state.record.standingResponse, standing.response >= order.response { return }
    guard state.sandbox == .running, let generation = state.record.generation else {
      // What has ended by itself does no more harm, and begins anew only by its restart policy or by a person.
      return
    }
    let standing = StandingResponse(
      response: order.response, rule: order.rule, alert: order.alert, time: .now, generation: generation)
    // Its end must not look as if the program had ended by itself.
    states[id.uid]?.record.failedGeneration = generation
    do { try await enforce(standing, id) } catch {
      if standing.response != .kill { states[id.uid]?.record.failedGeneration = state.record.failedGeneration }
      throw error
    }
    machine.logger.warning(
      "An alert was answered", metadata: ["agent.id": "\(state.record.id)", "response": "\(standing.words)"])
    guard states[id.uid] != nil else { return }
    states[id.uid]?.record.standingResponse = standing
    show(standing, id.uid)
    do { try saveRecord(id.uid) } catch {
      machine.logger.error("A response is not on disk", metadata: ["agent.uid": "\(id.uid)", "error": "\(error)"])
    }
    changed()
    signal.yield()
  }

  private func enforce(_ standing: StandingResponse, _ id: SandboxID) async throws {
    switch standing.response {
    case .alert: break
    case .freeze: try await machine.runtime.freeze(id)
    case .kill: try await machine.runtime.end(id)
    case .quarantine:
      guard let record = states[id.uid]?.record else { return }
      // The network first, whatever becomes of the rest; a frozen one stays frozen.
      try await machine.network.detach(machine.network.network(slot: record.slot))
      try await machine.proxy.withdraw(id.uid)
      await machine.secrets.withdraw(id.uid)
      try await machine.sessions.revoke(record.id)
    }
  }

  /// The agent's phase and reason, as the response makes them.
  func show(_ standing: StandingResponse, _ uid: AgentUID) {
    guard var state = states[uid] else { return }
    let fault = Fault(
      .denied, operation: "run agent \(state.record.id)", reason: standing.words,
      remedy: "look at 'lobstack alerts --agent \(state.record.id)'; 'lobstack agent start' runs it anew")
    state.phase = standing.response == .kill ? .failed : .quarantined
    state.reason = standing.words
    state.fault = fault
    state.layers = []
    state.record.fault = fault
    state.record.failedGeneration = standing.generation
    state.record.lastTermination = standing.words
    states[uid] = state
  }

  /// Sees to it that an agent which is frozen or cut off stays so.
  func holdOn(_ uid: AgentUID, _ standing: StandingResponse) async {
    let id = machine.sandboxID(uid)
    do {
      if standing.response == .freeze, !machine.runtime.isFrozen(id) {
        machine.logger.error("A frozen agent was found running", metadata: ["agent.uid": "\(uid)"])
        try await machine.runtime.freeze(id)
      }
      if standing.response == .quarantine { try await enforce(standing, id) }
      guard states[uid]?.record.standingResponse == standing else { return }
      let layers = [LayerStatus(layer: "response", state: .enforced, evidence: standing.words)]
      if states[uid]?.layers != layers {
        states[uid]?.layers = layers
        changed()
      }
    } catch {
      machine.logger.error("A response does not hold", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      states[uid]?.layers = [LayerStatus(layer: "response", state: .failed, evidence: "\(error)")]
      changed()
    }
  }

  /// Makes the trace sessions anew that a sentinel which began anew does not have.
  func renewSessions() async {
    let running = states.values.filter {
      $0.sandbox == .running && !busy.contains($0.record.uid)
        && !machine.runtime.isFrozen(machine.sandboxID($0.record.uid))
    }
    let ids = Dictionary(running.map { (machine.sandboxID($0.record.uid).description, $0.record.uid) }) { $1 }
    for container in await machine.watch.unwatched(ids.keys.sorted()) {
      guard let uid = ids[container], states[uid]?.sandbox == .running, !busy.contains(uid) else { continue }
      do {
        try await machine.runtime.trace(machine.sandboxID(uid), configuration: machine.layout.traceConfiguration)
        machine.logger.warning("A trace session began anew", metadata: ["agent.uid": "\(uid)"])
      } catch {
        // The layer is found failed when the grace is over.
        machine.logger.error("No trace session", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      }
    }
  }
}
