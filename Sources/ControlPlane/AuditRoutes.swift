import APIModel
import AgentModel
import Faults
import Hummingbird

extension API {
  func addAuditRoutes(to router: Router<APIContext>) {
    router.get("/v1/audit", use: auditPage)
    router.post("/v1/audit", use: recordOperation)
    router.post("/v1/audit/archives", use: archiveAudit)
    router.get("/v1/audit/checkpoint", use: auditCheckpoint)
    router.get("/v1/audit/proof", use: auditProof)
  }

  @Sendable private func auditPage(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "read the audit log")
    return try await AuditReading(log: audit.log).page(request)
  }

  /// Records what root does to the secrets manager by its own commands. Nobody else's word is taken for anything.
  @Sendable private func recordOperation(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let operation = "write to the audit log"
    try await access.requireRoot(principal, operation: operation)
    let done = try await json(SecretsManagerOperation.self, of: request)
    try await audit.require(
      AuditEvent(
        actor: principal.name, action: done.action.rawValue, target: "secrets manager", outcome: done.outcome.rawValue,
        details: done.reason.map { ["reason": shortened($0, bytes: 1_024)] } ?? [:]))
    return Response(status: .noContent)
  }

  @Sendable private func auditCheckpoint(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "read the audit log's checkpoint")
    return try jsonResponse(try await audit.log.checkpoint())
  }

  @Sendable private func auditProof(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: AuditReading.proving)
    return try await AuditReading(log: audit.log).proof(request)
  }

  /// Lets go of records that root has in a segment. Nobody else's word is taken for that.
  @Sendable private func archiveAudit(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.requireRoot(principal, operation: "archive audit records")
    let archiving = try await json(AuditArchiving.self, of: request)
    guard archiving.records > 0, (1...1_024).contains(archiving.segment.utf8.count) else {
      throw Fault(
        .invalid, operation: "archive audit records", reason: "it has no records, or no segment of at most 1024 bytes",
        remedy: "archive with 'lobstack audit archive'")
    }
    let index = try await audit.archive(archiving, by: principal.name)
    return try jsonResponse(AuditArchivingReceipt(auditIndex: index), status: .created)
  }
}
