import APIModel
import AgentModel
import ClusterAgents
import Faults
import Foundation
import Hummingbird
import KubernetesAPI

extension ClusterAPI {
  func addResponseRoute(to router: Router<APIContext>) {
    router.post("/v1/tenants/{tenant}/agents/{name}/respond", use: respond)
  }

  @Sendable private func respond(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = try agentID(context)
    let operation = "respond to agent \(id)"
    let agent = try await agents.find(id, .update, by: principal, operation: operation)
    let wanted = try await json(ResponseRequest.self, of: request).response
    return try answer(try await agents.respond(wanted, to: agent, id, by: principal), id)
  }
}

extension ClusterAgentService {
  /// How long an answer waits for the operator to carry it out; it does so later too.
  private static let patience = Duration.seconds(10)

  /// Contains a running agent, as an alert's response would: its operator ends its Pod or cuts it off, and holds on to it.
  ///
  /// - Throws: `Fault(.conflict)` when it does not run.
  func respond(
    _ response: AgentResponse, to before: AgentObject, _ id: AgentID, by principal: Principal
  ) async throws -> AgentObject {
    let operation = "\(response) agent \(id)"
    guard response != .alert else {
      throw Fault(
        .invalid, operation: operation, reason: "'alert' does nothing", remedy: "ask for quarantine or kill")
    }
    let containment = Containment(response, "by \(principal.name)")
    try refuseWhenDeleted(before, operation)
    // One that failed may be started again at any moment, and one that is waited for may run already.
    guard before.phase != .stopped, !before.isStopped else {
      throw Fault(
        .conflict, operation: operation, reason: "the agent does not run",
        remedy: "see 'lobstack agent get \(id)'")
    }
    let event = AuditEvent(
      actor: principal.name, action: "agent.respond", target: "agent \(id)", outcome: "allowed",
      details: ["uid": before.uid, "response": response.rawValue])
    // The same or more may be in force.
    guard containment.status(of: before.object, now: .now) != nil else {
      try await audit.require(event)
      return before
    }
    try await audit.carryOut(event) {
      let isInForce = try await asked(operation) {
        try await client.contain(before.key, uid: before.uid, containment)
      }
      guard isInForce else {
        throw Fault(
          .conflict, operation: operation, reason: "the agent was deleted meanwhile, and may have been made anew",
          remedy: "see 'lobstack agent get \(id)', and ask again")
      }
    }
    return try await isInForce(id, before, operation)
  }

  /// The agent once its operator has told that it acted.
  private func isInForce(_ id: AgentID, _ before: AgentObject, _ operation: String) async throws -> AgentObject {
    let end = ContinuousClock.now + Self.patience
    while true {
      let agent = try await read(id, before.key.namespace, operation)
      if ![.starting, .running].contains(agent.phase) || ContinuousClock.now > end { return agent }
      try await Task.sleep(for: .milliseconds(200))
    }
  }
}
