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
    if let standing = state.record.standingResponse, standing.response >= order.response {
      _ = try await enforcing[id.uid]?.value
      return
    }
    guard let generation = state.record.generation else { return }
    let before = state.record.standingResponse
    var standing = StandingResponse(
      response: order.response, rule: order.rule, alert: order.alert, time: .now, generation: generation,
      person: order.person)
    if state.sandbox != .running {
      // What has ended by itself does not begin again by itself; what is about to run is ended as it is.
      standing.response = .kill
      standing.remark = "it did not run yet, or any more"
    }
    // Known before it is done: what follows must not look as if the program had ended, or a layer were broken.
    states[id.uid]?.record.standingResponse = standing
    states[id.uid]?.record.failedGeneration = generation
    let work = Task { [standing] in try await enforce(standing, id) }
    enforcing[id.uid] = work
    let isStill: () -> Bool = { [self] in
      let found = states[id.uid]?.record
      return found?.standingResponse?.alert == order.alert && found?.generation == generation
    }
    defer { if enforcing[id.uid] == work { enforcing[id.uid] = nil } }
    do {
      standing = try await work.value
    } catch {
      // Not in force: whoever asks again has it tried again.
      if isStill() { states[id.uid]?.record.standingResponse = before }
      throw error
    }
    // Meanwhile a stronger one may have come, or the agent have been started anew.
    guard isStill() else { return }
    machine.logger.warning(
      "An alert was answered", metadata: ["agent.id": "\(state.record.id)", "response": "\(standing.words)"])
    states[id.uid]?.record.standingResponse = standing
    show(standing, id.uid)
    saveRecordIfPossible(id.uid)
    changed()
    signal.yield()
  }

  /// Does it; what cannot be frozen or cut off is ended.
  ///
  /// - Returns: what is in force.
  private func enforce(_ standing: StandingResponse, _ id: SandboxID) async throws -> StandingResponse {
    do {
      switch standing.response {
      case .alert: break
      case .freeze: try await machine.runtime.freeze(id)
      case .kill: try await machine.runtime.end(id)
      case .quarantine:
        guard let record = states[id.uid]?.record else { break }
        try await machine.network.detach(machine.network.network(slot: record.slot))
        await takeAway(record)
      }
      return standing
    } catch {
      guard standing.response != .kill else { throw error }
      machine.logger.error(
        "A response failed; the agent is killed",
        metadata: ["agent.uid": "\(id.uid)", "response": "\(standing.response)", "error": "\(error)"])
      var stronger = standing
      stronger.response = .kill
      stronger.remark = "\(standing.response) was not to be had: \(error)"
      try await machine.runtime.end(id)
      return stronger
    }
  }

  /// Identity, secrets and token. Without its network an agent can use none of them, so what fails here is tried again
  /// and undoes nothing.
  private func takeAway(_ record: AgentRecord) async {
    await machine.secrets.withdraw(record.uid)
    do {
      try await machine.proxy.withdraw(record.uid)
      try await machine.sessions.revoke(record.id)
    } catch {
      machine.logger.warning(
        "A cut off agent's identity is not withdrawn yet",
        metadata: ["agent.uid": "\(record.uid)", "error": "\(error)"])
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
    state.record.lastTermination = standing.words
    states[uid] = state
    tellBreach(uid, ending: standing.words)
  }

  /// Sees to it that an agent which is frozen or cut off stays so.
  func holdOn(_ uid: AgentUID, _ standing: StandingResponse) async {
    let id = machine.sandboxID(uid)
    do {
      if standing.response == .freeze, !machine.runtime.isFrozen(id) {
        machine.logger.error("A frozen agent was found running", metadata: ["agent.uid": "\(uid)"])
        try await machine.runtime.freeze(id)
      }
      if standing.response == .kill { try await machine.runtime.end(id) }
      if standing.response == .quarantine, let record = states[uid]?.record {
        try await machine.network.detach(machine.network.network(slot: record.slot))
        await takeAway(record)
      }
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
    let running = states.values.filter { $0.sandbox == .running }.map { machine.sandboxID($0.record.uid) }
    for id in await machine.watch.unwatched(running) {
      let uid = id.uid
      // The runtime would wait for a frozen one.
      guard states[uid]?.sandbox == .running, !busy.contains(uid), !machine.runtime.isFrozen(id) else { continue }
      do {
        try await machine.runtime.trace(id, configuration: machine.layout.traceConfiguration)
        machine.logger.warning("A trace session began anew", metadata: ["agent.uid": "\(uid)"])
      } catch {
        // The layer is found failed when the grace is over.
        machine.logger.error("No trace session", metadata: ["agent.uid": "\(uid)", "error": "\(error)"])
      }
    }
  }
}
