import APIModel
import AgentModel
import Faults
import Hummingbird

extension API {
  func addAuditRoutes(to router: Router<APIContext>) {
    router.get("/v1/audit", use: auditPage)
    router.get("/v1/audit/checkpoint", use: auditCheckpoint)
    router.get("/v1/audit/proof", use: auditProof)
  }

  /// Records that one request looks at, so that a filter that nothing passes does not read the whole log at once.
  private static let mostScanned = 5_000

  @Sendable private func auditPage(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "read the audit log")
    let limit = try pageLimit(of: request)
    let agent = try parameter("agent", of: request, rule: AgentID.rule) { AgentID($0) }
    let action = try parameter("action", of: request, rule: "an action, as 'agent.create'") { $0 }
    // `cursor` is what every listing calls it, `from` what an auditor means.
    let wholeNumber = "a whole number"
    let from =
      try parameter("cursor", of: request, rule: wholeNumber) { UInt64($0) }
      ?? parameter("from", of: request, rule: wholeNumber) { UInt64($0) } ?? 0
    let size = try await audit.log.head().size
    var items: [AuditRecordResource] = []
    var index = from
    var scanned = 0
    while items.count < limit, index < size, scanned < Self.mostScanned {
      let records = try await audit.log.page(from: index, limit: APIProtocol.longestPage)
      guard !records.isEmpty else { break }
      for record in records where items.count < limit {
        index = record.index + 1
        scanned += 1
        if let agent, record.target != "agent \(agent)" { continue }
        if let action, record.action != action { continue }
        items.append(record)
      }
    }
    return try jsonResponse(Page(items: items, next: index < size ? "\(index)" : nil))
  }

  @Sendable private func auditCheckpoint(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "read the audit log's checkpoint")
    return try jsonResponse(try await audit.log.checkpoint())
  }

  @Sendable private func auditProof(_ request: Request, _ context: APIContext) async throws -> Response {
    let operation = "prove an audit record"
    try await access.require(.administer, of: try context.principal, operation: operation)
    guard let index = try parameter("index", of: request, rule: "the record's number", { UInt64($0) }) else {
      throw Fault(
        .invalid, operation: operation, reason: "the query parameter 'index' is missing",
        remedy: "give the record's number")
    }
    let size = try await audit.log.head().size
    guard index < size else {
      throw Fault(
        .notFound, operation: operation, reason: "the log has \(size) records, none with number \(index)",
        remedy: "give a number below \(size)")
    }
    return try jsonResponse(try await audit.log.proof(index: index))
  }
}
