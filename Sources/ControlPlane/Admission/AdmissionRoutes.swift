import APIModel
import Admission
import AgentModel
import Faults
import Hummingbird

extension API {
  func addAdmissionRoutes(to router: Router<APIContext>) {
    router.get("/v1/admission", use: admissionState)
    router.post("/v1/admission/review", use: reviewObject)
  }

  @Sendable private func admissionState(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "read what the policies say")
    let state = admission.policies.state
    let (findings, unasked, auditedAt) = admission.findings.all
    let violations = findings.filter { principal.sees($0.id.tenant) }.flatMap { finding in
      finding.violations.map { violation in
        AdmissionResource.Violation(
          agent: finding.id, kind: violation.constraintKind, constraint: violation.constraint,
          action: violation.action.rawValue, message: violation.message, field: violation.field)
      }
    }.sorted {
      ("\($0.agent)", $0.kind, $0.constraint, $0.message) < ("\($1.agent)", $1.kind, $1.constraint, $1.message)
    }
    let constraints = state.policies.constraints.map { constraint in
      AdmissionResource.Constraint(
        kind: constraint.kind, name: constraint.name, action: constraint.action(at: .validation)?.rawValue ?? "none",
        violations: violations.count { $0.kind == constraint.kind && $0.constraint == constraint.name })
    }
    return try jsonResponse(
      AdmissionResource(
        version: state.version, loadedAt: state.loadedAt,
        faults: principal.tenant == nil || state.faults.isEmpty
          ? state.faults.map(\.description) + unasked : ["the policies are broken"],
        constraints: constraints, violations: violations, auditedAt: auditedAt))
  }

  /// Asks the policies in force about one object, and does nothing else.
  @Sendable private func reviewObject(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.view, of: principal, operation: "review an object")
    let decision = try await admission.decision(about: try await text(of: request), by: principal)
    return try jsonResponse(
      AdmissionReviewResource(
        allowed: decision.isAllowed,
        violations: decision.violations.map {
          AdmissionReviewResource.Violation(
            kind: $0.constraintKind, constraint: $0.constraint, action: $0.action.rawValue, message: $0.message,
            field: $0.field)
        }, failures: decision.failures.map(\.description)))
  }

  /// The component of the platform's status.
  var admissionComponent: PlatformStatus.Component {
    let state = admission.policies.state
    func component(_ status: String, _ detail: String) -> PlatformStatus.Component {
      PlatformStatus.Component(name: "admission", state: status, detail: detail)
    }
    let inForce = state.version.map { "policies \($0), \(state.policies.constraints.count) constraints" }
    if let fault = state.faults.first {
      return component(
        inForce == nil ? "down" : "degraded",
        "nothing is created, the policies are broken: \(fault.reason); \(fault.remedy)"
          + (inForce.map { "; for what exists, \($0)" } ?? ""))
    }
    return inForce.map { component("ready", $0) } ?? component("down", "the policies are not read yet")
  }
}
