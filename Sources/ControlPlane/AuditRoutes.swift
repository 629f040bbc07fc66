import APIModel
import AgentModel
import Faults
import FoundationEssentials
import Hummingbird

extension API {
  func addAuditRoutes(to router: Router<APIContext>) {
    router.get("/v1/audit", use: auditPage)
    router.post("/v1/audit", use: recordOperation)
    router.post("/v1/audit/archives", use: archiveAudit)
    router.get("/v1/audit/checkpoint", use: auditCheckpoint)
    router.get("/v1/audit/proof", use: auditProof)
  }

  /// Records that one request looks at, so that a filter that nothing passes does not read the whole log at once.
  private static let mostScanned = 20_000

  @Sendable private func auditPage(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "read the audit log")
    let limit = try pageLimit(of: request)
    let query = try auditQuery(request)
    let order = try parameter("order", of: request, rule: "oldest or newest") { AuditOrder(rawValue: $0) } ?? .oldest
    // `cursor` is what every listing calls it, `from` what an auditor means.
    let rule = "a whole number"
    let from: UInt64? =
      try parameter("cursor", of: request, rule: rule, wholeNumber)
      ?? parameter("from", of: request, rule: rule, wholeNumber)
    let head = try await audit.log.head()
    let (first, size) = (head.first ?? 0, head.size)
    var items: [AuditRecordResource] = []
    // What is not looked at yet, from the end that comes first.
    var rest =
      order == .oldest
      ? min(max(from ?? 0, first), size)..<size : first..<max(first, from.map { $0 < size ? $0 + 1 : size } ?? size)
    var scanned = 0
    // Of the first record that there is, once it was looked at.
    var beginning: Date?
    let step = UInt64(query.isEmpty ? limit : APIProtocol.longestPage)
    while items.count < limit, !rest.isEmpty, scanned < Self.mostScanned {
      let count = min(step, UInt64(rest.count))
      let start = order == .oldest ? rest.lowerBound : rest.upperBound - count
      let records = try await audit.log.page(from: start, limit: Int(count))
      guard !records.isEmpty else { break }
      for record in order == .oldest ? records : records.reversed() where items.count < limit {
        rest = order == .oldest ? (record.index + 1)..<rest.upperBound : first..<record.index
        if record.index == first { beginning = record.time }
        scanned += 1
        if query.matches(record) { items.append(record) }
      }
    }
    let next = order == .oldest ? rest.lowerBound : rest.upperBound &- 1
    // Silence would say that there is nothing before.
    let reachesArchive = first > 0 && (order == .oldest ? from ?? 0 < first : rest.isEmpty)
    let wantsArchive = query.since.flatMap { since in beginning.map { since < $0 } } ?? true
    let asked = min(from ?? .max, first - min(first, 1))
    let archived = audit.log.segment(of: asked).map { ArchivedRecords(before: first, segment: $0) }
    return try jsonResponse(
      Page(
        items: items, next: rest.isEmpty ? nil : "\(next)", archived: reachesArchive && wantsArchive ? archived : nil))
  }

  private func auditQuery(_ request: Request) throws -> AuditQuery {
    func text(_ name: String) throws -> String? { try parameter(name, of: request, rule: "a text") { $0 } }
    func time(_ name: String) throws -> Date? {
      try parameter(name, of: request, rule: "a time, as 2026-01-31T12:00:00Z (RFC 3339)") { APIJSON.date($0) }
    }
    return AuditQuery(
      agent: try parameter("agent", of: request, rule: AgentID.rule) { AgentID($0) }, actor: try text("actor"),
      action: try parameter("action", of: request, rule: AuditActionPattern.rule) { AuditActionPattern($0) },
      target: try text("target"), outcome: try text("outcome"), since: try time("since"), until: try time("until"))
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
    let operation = "prove an audit record"
    try await access.require(.administer, of: try context.principal, operation: operation)
    guard let index: UInt64 = try parameter("index", of: request, rule: "the record's number", wholeNumber) else {
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
    var event = AuditEvent(
      actor: principal.name, action: "audit.archive", target: "records before \(archiving.records)", outcome: "allowed",
      details: ["root": shortened(archiving.rootHash, bytes: 64), "segment": archiving.segment])
    let index = try await audit.require(event)
    do {
      try await audit.log.archive(first: archiving.records, rootHash: archiving.rootHash)
    } catch {
      event.outcome = "failed"
      event.details["reason"] = shortened((error as? Fault)?.reason ?? "\(error)", bytes: 512)
      await audit.note(event)
      throw error
    }
    event.outcome = "archived"
    await audit.note(event)
    return try jsonResponse(AuditArchivingReceipt(auditIndex: index), status: .created)
  }
}
