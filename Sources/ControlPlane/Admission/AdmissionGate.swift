import APIModel
import Admission
import AgentModel
import Blueprint
import Faults
import FoundationEssentials
import Rego
import Storage

/// Asks the policies about an agent's documents before anything of it exists.
struct AdmissionGate: Sendable {
  let policies: AdmissionPolicies
  let policy: Policy
  let trustDomain: TrustDomain
  let findings: AdmissionFindings

  /// Asks about a whole agent; the longest that one may wait for its decision.
  private static let time = Duration.seconds(2)

  /// - Returns: what they say without refusing.
  /// - Throws: `Fault(.denied)` with what the policies say, `Fault(.failed)` when they cannot be asked.
  func admit(
    _ agent: Agent, to verb: String, by principal: Principal, operation: String, audit: AuditTrail
  ) async throws -> AdmissionFindings.Finding {
    // What changed a moment ago counts already.
    await policies.reload()
    let state = policies.state
    if let fault = state.faults.first {
      let more = state.faults.count == 1 ? "" : " and \(state.faults.count - 1) more"
      try await refuse(agent, by: principal, operation: operation, audit: audit, reason: "broken policies")
      throw Fault(
        .failed, operation: operation, reason: "the admission policies are broken\(more): \(fault.reason)",
        remedy: "mend them: \(fault.operation.replacing("read ", with: "", maxReplacements: 1)); \(fault.remedy)")
    }
    let decision = try decision(about: agent, at: .validation, operation: verb, user: principal.name, state.policies)
    if let failure = decision.failures.first {
      try await refuse(agent, by: principal, operation: operation, audit: audit, reason: "a policy failed")
      throw Fault(
        .failed, operation: operation, reason: "a policy could not be asked: \(failure.operation): \(failure.reason)",
        remedy: failure.remedy)
    }
    guard decision.isAllowed else {
      let names = Set(decision.denials.map(\.constraint)).sorted().joined(separator: ",")
      try await refuse(agent, by: principal, operation: operation, audit: audit, reason: names)
      findings.refused(decision)
      throw Fault(
        .denied, operation: operation, reason: decision.denials.map(Self.line).joined(separator: "\n"),
        remedy: "change the agent so that the policy allows it, or ask whoever keeps the policies")
    }
    return AdmissionFindings.Finding(id: agent.id, version: state.version ?? "", violations: decision.violations)
  }

  /// What the policies say about all documents of an agent together.
  func decision(
    about agent: Agent, at point: EnforcementPoint, operation: String = "", user: String? = nil,
    _ policies: PolicySet
  ) throws -> Decision {
    let blueprint = Blueprint(agent: agent, policy: policy, trustDomain: trustDomain)
    let inventory = Inventory([Self.namespace(agent.id.tenant)])
    let end = ContinuousClock.now + Self.time
    let now = Self.now
    var decision = Decision()
    for document in try Self.documents(of: blueprint) {
      let review = try Review(document, operation: operation, user: user)
      let own = policies.review(review, at: point, inventory: inventory, time: end - .now, now: now)
      decision.violations += own.violations
      decision.failures += own.failures
    }
    return decision
  }

  /// What is known of an agent that exists, as a layer of it.
  func layer(of uid: AgentUID) -> LayerStatus {
    func layer(_ state: LayerStatus.State, _ evidence: String) -> LayerStatus {
      LayerStatus(layer: "admission", state: state, evidence: evidence)
    }
    guard let version = policies.state.version else { return layer(.failed, "there are no policies that are whole") }
    guard let finding = findings.finding(of: uid), finding.version == version else {
      return layer(.unknown, "policies \(version) are not asked about it yet")
    }
    if let denial = finding.violations.first(where: { $0.actions.contains(.deny) }) {
      return layer(.failed, "policies \(version) deny what runs: \(Self.line(denial))")
    }
    return layer(.enforced, "policies \(version) allow it")
  }

  /// What the policies in force say about any object.
  func decision(about review: Review) async -> Decision {
    await policies.reload()
    let state = policies.state
    guard state.faults.isEmpty else { return Decision(failures: state.faults) }
    let tenant = TenantName(review.namespace)
    return state.policies.review(
      review, at: .validation, inventory: Inventory(tenant.map { [Self.namespace($0)] } ?? []), time: Self.time,
      now: Self.now)
  }

  private static var now: Int { Int(Date.now.timeIntervalSince1970 * 1_000_000_000) }

  private static func line(_ violation: Violation) -> String {
    violation.field.map { "\(violation.text) (\($0))" } ?? violation.text
  }

  private func refuse(
    _ agent: Agent, by principal: Principal, operation: String, audit: AuditTrail, reason: String
  ) async throws {
    try await audit.require(
      AuditEvent(
        actor: principal.name, action: "admission", target: "agent \(agent.id)", outcome: "denied",
        details: ["operation": operation, "reason": shortened(reason, bytes: 512)]))
  }

  private static func documents(of blueprint: Blueprint) throws -> [Value] {
    func value(_ document: some Encodable) throws -> Value {
      try Value(json: String(decoding: APIJSON.encode(document), as: UTF8.self))
    }
    return try [value(blueprint.pod)] + blueprint.networkPolicies.map(value) + blueprint.serviceEntries.map(value)
      + blueprint.authorizationPolicies.map(value)
  }

  /// Tenants are namespaces, with the label that Kubernetes gives each.
  private static func namespace(_ tenant: TenantName) -> Value {
    let labels: Value = [
      "kubernetes.io/metadata.name": .string(tenant.description), "lobstack.dev/tenant": .string(tenant.description),
    ]
    return [
      "apiVersion": "v1", "kind": "Namespace",
      "metadata": ["name": .string(tenant.description), "labels": labels],
    ]
  }
}
