import APIModel
import Admission
import AgentModel
import Blueprint
import Compliance
import Crypto
import Faults
import FoundationEssentials
import HTTPTypes
import NodeProtocol
import Storage

/// The rules of what may be asked of agents: authorise, record, then change the desired state.
struct AgentService: Sendable {
  let store: Store
  let audit: AuditTrail
  let access: Access
  let view: NodeView
  let signal: ChangeSignal
  let secrets: any SecretKeeping
  let admission: AdmissionGate

  /// The key under which a client may repeat a request, with the digest of what it asked.
  func idempotencyKey(_ key: String?, of principal: Principal, document: String) -> IdempotencyKey? {
    guard let key else { return nil }
    return IdempotencyKey(
      principal: principal.key, key: key, fingerprint: Array(SHA256.hash(data: Data(document.utf8))))
  }

  func create(_ agent: Agent, by principal: Principal, key: IdempotencyKey?) async throws -> StoredAgent {
    let operation = "create agent \(agent.id)"
    try await access.require(.change, of: principal, operation: operation)
    guard principal.sees(agent.id.tenant) else {
      // That the caller names another tenant tells nothing of what is in it.
      try await access.refuseTenant(principal, operation: operation)
      throw Fault(
        .denied, operation: operation,
        reason: "\(principal.name) is bound to the tenant \(principal.tenant.map { "\($0)" } ?? "")",
        remedy: "set metadata.tenant to that tenant")
    }
    // What is done there does not count as what agents do.
    guard !Probe.isTenant("\(agent.id.tenant)") || principal.kind == .root || principal.tenant != nil else {
      throw Fault(
        .denied, operation: operation, reason: "the tenant \(agent.id.tenant) is that of 'lobstack verify'",
        remedy: "set metadata.tenant to another")
    }
    if let key, let earlier = try await store.answer(to: key) { return earlier }
    try view.requireReachable(operation: operation)
    if let other = try await store.agent(agent.id) {
      throw Fault(
        .alreadyExists, operation: operation,
        reason: other.wish == .destroy
          ? "an agent of that name is being deleted" : "the tenant has an agent of that name",
        remedy: other.wish == .destroy
          ? "wait until 'lobstack agent get \(agent.id.name)' finds it no more" : "choose another name, or use PUT")
    }
    try view.requireRoom(for: agent, operation: operation)
    try await secrets.requireReady(operation: operation)
    let finding = try await admission.admit(
      agent, by: principal, operation: operation, audit: audit)
    try await requireSecrets(of: agent, operation: operation)
    let uid = AgentUID.random()
    let event = AuditEvent(
      actor: principal.name, action: "agent.create", target: "agent \(agent.id)", outcome: "allowed",
      details: details(of: agent, uid: uid, finding.violations))
    let index = try await audit.require(event)
    let stored = try await carryOut(event) {
      try await store.create(
        StoredAgent(agent: agent, uid: uid, createdAt: .now, creator: principal.name, auditIndex: index), key: key)
    }
    // A request that is repeated has the agent that it made before.
    admission.findings.record(finding, of: stored.uid)
    return stored
  }

  /// Replaces what is wished of an existing agent.
  func replace(_ agent: Agent, by principal: Principal, ifGeneration generation: Int64?) async throws -> StoredAgent {
    let operation = "change agent \(agent.id)"
    let before = try await find(agent.id, .change, by: principal, operation: operation)
    try precondition(before, generation, operation: operation)
    try refuseWhenDeleted(before, operation: operation)
    if before.agent == agent { return before }
    try view.requireReachable(operation: operation)
    // It may have to start anew, and would not.
    try await secrets.requireReady(operation: operation)
    try view.requireRoom(for: agent, operation: operation)
    let finding = try await admission.admit(
      agent, replacing: before.agent, by: principal, operation: operation, audit: audit)
    try await requireSecrets(of: agent, operation: operation)
    let event = AuditEvent(
      actor: principal.name, action: "agent.update", target: "agent \(agent.id)", outcome: "allowed",
      details: details(of: agent, uid: before.uid, finding.violations))
    try await audit.require(event)
    let stored = try await carryOut(event) {
      // Only a running agent takes new hosts as it runs; one that failed has them as another try.
      let isRunning = view.agent(before.uid)?.phase == .running
      return try await store.update(
        agent.id, ifGeneration: generation ?? before.generation, operation: operation, always: !isRunning
      ) {
        try refuseWhenDeleted($0, operation: operation)
        $0.agent = agent
      }
    }
    admission.findings.record(finding, of: stored.uid)
    return stored
  }

  /// Wishes the agent to run; one that ended for good is started again.
  func start(_ id: AgentID, by principal: Principal) async throws -> StoredAgent {
    let operation = "start agent \(id)"
    let before = try await find(id, .change, by: principal, operation: operation)
    try refuseWhenDeleted(before, operation: operation)
    // What the node said of an earlier generation tells nothing of a start that it has not seen yet.
    let seen = view.agent(before.uid).flatMap { $0.generation >= before.generation ? $0 : nil }
    let ended: Bool =
      switch seen?.phase {
      case .stopped, .failed, .quarantined: true
      default: false
      }
    guard before.wish != .run || ended else { return before }
    try view.requireReachable(operation: operation)
    try await secrets.requireReady(operation: operation)
    // What runs anew is what would be created anew.
    let finding = try await admission.admit(
      before.agent, by: principal, operation: operation, audit: audit)
    admission.findings.record(finding, of: before.uid)
    return try await wish(.run, for: before, action: "agent.start", by: principal, operation: operation)
  }

  func stop(_ id: AgentID, by principal: Principal) async throws -> StoredAgent {
    let operation = "stop agent \(id)"
    let before = try await find(id, .change, by: principal, operation: operation)
    try refuseWhenDeleted(before, operation: operation)
    guard before.wish != .stop else { return before }
    return try await wish(.stop, for: before, action: "agent.stop", by: principal, operation: operation)
  }

  /// Does at once to a running agent what an alert's response would do; returns when it is in force.
  ///
  /// - Throws: `Fault(.conflict)` when it does not run; what the node says.
  func respond(
    _ response: AgentResponse, to stored: StoredAgent, by principal: Principal, through node: any NodeConnection,
    instance: String
  ) async throws {
    let operation = "\(response) agent \(stored.id)"
    guard response != .alert else {
      throw Fault(
        .invalid, operation: operation, reason: "'alert' does nothing",
        remedy: "ask for freeze, quarantine or kill")
    }
    try refuseWhenDeleted(stored, operation: operation)
    guard let phase = view.agent(stored.uid)?.phase, [.running, .quarantined].contains(phase) else {
      throw Fault(
        .conflict, operation: operation, reason: "the agent does not run",
        remedy: "see 'lobstack agent get \(stored.id)'")
    }
    let event = AuditEvent(
      actor: principal.name, action: "agent.respond", target: "agent \(stored.id)", outcome: "allowed",
      details: ["uid": "\(stored.uid)", "response": response.rawValue])
    try await audit.require(event)
    _ = try await carryOut(event) {
      try await node.respond(
        ResponseOrder(by: principal.name, container: "\(instance).\(stored.uid)", response: response))
      return stored
    }
    // It is in force; what the answer says of the agent comes with the node's next word.
    for _ in 0..<20 where view.agent(stored.uid)?.phase == phase { try await Task.sleep(for: .milliseconds(50)) }
  }

  /// Wishes the agent gone; the reconciler forgets it when the node has destroyed it.
  func delete(_ id: AgentID, by principal: Principal, ifGeneration generation: Int64?) async throws -> StoredAgent {
    let operation = "delete agent \(id)"
    let before = try await find(id, .change, by: principal, operation: operation)
    if before.wish == .destroy { return before }
    try precondition(before, generation, operation: operation)
    return try await wish(
      .destroy, for: before, ifGeneration: generation, action: "agent.delete", by: principal, operation: operation)
  }

  func find(
    _ id: AgentID, _ permission: Permission, by principal: Principal, operation: String
  ) async throws -> StoredAgent {
    try await access.require(permission, on: id, of: principal, operation: operation)
    guard let stored = try await store.agent(id) else { throw Access.unknown(id, operation: operation) }
    return stored
  }

  /// - Throws: `Fault(.notFound)` naming the first secret of the agent that is neither its own nor its tenant's.
  private func requireSecrets(of agent: Agent, operation: String) async throws {
    for name in Set(agent.spec.secrets + agent.spec.egress.compactMap(\.credential?.secret)).sorted() {
      let places = [agent.id.name, nil].map { SecretReference(tenant: agent.id.tenant, agent: $0, name: name) }
      if try await secrets.exists(places[0]) { continue }
      if try await secrets.exists(places[1]) { continue }
      throw Fault(
        .notFound, operation: operation, reason: "neither the agent nor its tenant has a secret '\(name)'",
        remedy: "set it with 'lobstack secret set \(name) --tenant \(agent.id.tenant)'")
    }
  }

  private func wish(
    _ wish: StoredAgent.Wish, for before: StoredAgent, ifGeneration generation: Int64? = nil, action: String,
    by principal: Principal, operation: String
  ) async throws -> StoredAgent {
    let event = AuditEvent(
      actor: principal.name, action: action, target: "agent \(before.id)", outcome: "allowed",
      details: ["uid": "\(before.uid)"])
    try await audit.require(event)
    return try await carryOut(event) {
      try await store.update(before.id, ifGeneration: generation, operation: operation, always: wish == .run) {
        guard $0.uid == before.uid else { throw Access.unknown(before.id, operation: operation) }
        if wish != .destroy { try refuseWhenDeleted($0, operation: operation) }
        $0.wish = wish
        if wish == .destroy { $0.deletedAt = .now }
      }
    }
  }

  /// Runs what was recorded as allowed, tells the node, and records it when it failed after all.
  private func carryOut(_ event: AuditEvent, _ body: () async throws -> StoredAgent) async throws -> StoredAgent {
    do {
      let stored = try await body()
      signal.raise()
      return stored
    } catch {
      var outcome = event
      outcome.outcome = "failed"
      outcome.details = ["uid": event.details["uid"] ?? "", "reason": (error as? Fault)?.reason ?? "unexpected error"]
      await audit.note(outcome)
      throw error
    }
  }

  private func precondition(_ stored: StoredAgent, _ generation: Int64?, operation: String) throws {
    guard let generation, generation != stored.generation else { return }
    throw HTTPFault(
      status: .preconditionFailed,
      fault: Fault(
        .conflict, operation: operation, reason: "the agent has generation \(stored.generation), not \(generation)",
        remedy: "read it again and repeat the change"))
  }

  private func details(of agent: Agent, uid: AgentUID, _ violations: [Violation]) -> [String: String] {
    let warnings = violations.filter { $0.actions.contains(.warn) }.map(\.text)
    var details = ["uid": "\(uid)", "image": "\(agent.spec.image)", "tier": agent.spec.tier.rawValue]
    // Names only: a value may be a secret.
    if !agent.spec.env.isEmpty { details["env"] = nameList(agent.spec.env.keys) }
    if !agent.spec.egress.isEmpty { details["egress"] = nameList(agent.spec.egress.map(\.host.description)) }
    if !warnings.isEmpty { details["warnings"] = shortened(warnings.joined(separator: "\n"), bytes: 1_024) }
    return details
  }
}

/// Sorted names, cut off where a record would become unreadable.
func nameList(_ names: some Sequence<String>) -> String {
  shortened(names.sorted().joined(separator: ","), bytes: 1024)
}

private func refuseWhenDeleted(_ stored: StoredAgent, operation: String) throws {
  guard stored.wish == .destroy else { return }
  throw Fault(
    .conflict, operation: operation, reason: "the agent is being deleted",
    remedy: "wait until it is gone, then create it")
}
