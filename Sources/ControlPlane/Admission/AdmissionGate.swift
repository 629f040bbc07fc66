import APIModel
import Admission
import AgentModel
import Blueprint
import Faults
import FoundationEssentials
import Rego
import Storage

/// Asks the policies about an agent's documents before anything of it exists, and about what exists.
struct AdmissionGate: Sendable {
  let policies: AdmissionPolicies
  let policy: Policy
  let trustDomain: TrustDomain
  let findings: AdmissionFindings
  let metrics = AdmissionMetrics()

  /// Asks about a whole agent; the longest that one may wait for its decision.
  private static let time = Duration.seconds(2)

  /// - Parameter before: what the agent was, when it is to be changed: then the policies are asked about the change, and
  ///   about what comes of it as if it were new, because that is what the node makes of it.
  /// - Returns: what they say without refusing.
  /// - Throws: `Fault(.denied)` with what the policies say, `Fault(.failed)` when they cannot be asked.
  func admit(
    _ agent: Agent, replacing before: Agent? = nil, by principal: Principal, operation: String, audit: AuditTrail
  ) async throws -> AdmissionFindings.Finding {
    let state = try await policies.reload()
    if let fault = state.faults.first {
      try await refuse(agent, by: principal, operation: operation, audit: audit, reason: "broken policies")
      throw Self.broken(fault, others: state.faults.count - 1, principal, operation: operation)
    }
    let decision = try await decision(
      about: agent, replacing: before, at: .validation, operation: "CREATE", user: principal.name, state.policies)
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

  /// Where the files lie is for those who are bound to no tenant.
  private static func broken(_ fault: Fault, others: Int, _ principal: Principal, operation: String) -> Fault {
    guard principal.tenant == nil else {
      return Fault(
        .failed, operation: operation, reason: "the admission policies are broken",
        remedy: "ask whoever keeps the platform's policies to mend them")
    }
    return Fault(
      .failed, operation: operation,
      reason: "the admission policies are broken\(others == 0 ? "" : " and \(others) more"): "
        + "\(fault.operation): \(fault.reason)", remedy: fault.remedy)
  }

  /// What the policies say about all documents of an agent together.
  func decision(
    about agent: Agent, replacing before: Agent? = nil, at point: EnforcementPoint, operation: String = "",
    user: String? = nil, _ policies: PolicySet
  ) async throws -> Decision {
    func documents(_ agent: Agent) throws -> [Value] {
      try Self.documents(of: Blueprint(agent: agent, policy: policy, trustDomain: trustDomain))
    }
    let new = try documents(agent)
    let old = try before.map(documents)?.map { try Review($0) } ?? []
    let inventory = Inventory([Self.namespace(agent.id.tenant)])
    return try await counting {
      let end = ContinuousClock.now + Self.time
      let now = Date.now.nanoseconds
      var decision = Decision()
      func ask(_ review: Review) {
        let own = policies.review(review, at: point, inventory: inventory, time: end - .now, now: now)
        decision.violations += own.violations.filter { !decision.violations.contains($0) }
        decision.failures += own.failures
      }
      for document in new {
        let review = try Review(document, operation: operation, user: user)
        ask(review)
        if let same = old.first(where: review.isSameObject(as:)) {
          ask(try Review(document, replacing: same.object, operation: "UPDATE", user: user))
        }
      }
      return decision
    }
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

  /// What the policies in force say about an object of Kubernetes or an AdmissionReview.
  ///
  /// - Throws: `Fault(.invalid)` for a text that is neither.
  func decision(about text: String, by principal: Principal) async throws -> Decision {
    let operation = "review an object"
    let state = try await policies.reload()
    if let fault = state.faults.first {
      return Decision(failures: [Self.broken(fault, others: state.faults.count - 1, principal, operation: operation)])
    }
    return try await counting {
      let objects = try ObjectText.parse(text, source: "request body", limits: ObjectText.short)
      guard let object = objects.first, objects.count == 1 else {
        throw Fault(
          .invalid, operation: operation, reason: "the body holds \(objects.count) objects, not one",
          remedy: "send one object of Kubernetes, or an AdmissionReview")
      }
      let review = try Review.of(object.value)
      let tenant = TenantName(review.namespace)
      return state.policies.review(
        review, at: .validation, inventory: Inventory(tenant.map { [Self.namespace($0)] } ?? []), time: Self.time,
        now: Date.now.nanoseconds)
    }
  }

  /// Where it holds up nobody who answers.
  private func counting(_ body: @escaping @Sendable () throws -> Decision) async throws -> Decision {
    let start = ContinuousClock.now
    let decision = try await policies.run(body)
    metrics.count(decision, .now - start)
    return decision
  }

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
