import APIModel
import Crypto
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import Storage
import TextEncodings

extension API {
  func addVerificationRoutes(to router: Router<APIContext>) {
    router.get("/v1/verifications", use: listVerifications)
    router.get("/v1/verifications/{id}", use: readVerification)
    router.put("/v1/verifications/{id}", use: recordVerification)
  }

  @Sendable private func listVerifications(_ request: Request, _ context: APIContext) async throws -> Response {
    try await access.require(.administer, of: try context.principal, operation: "list verifications")
    let limit = try pageLimit(of: request)
    let cursor: Int64? = try parameter("cursor", of: request, rule: "a cursor that a page gave", wholeNumber)
    let found = try await store.verifications(before: cursor, limit: limit + 1)
    return try jsonResponse(
      Page(
        items: found.prefix(limit).map(\.verification),
        next: found.count > limit ? found.prefix(limit).last.map { "\($0.number)" } : nil))
  }

  @Sendable private func readVerification(_ request: Request, _ context: APIContext) async throws -> Response {
    let id = context.parameters.get("id") ?? ""
    let operation = "read verification \(id.prefix(80))"
    try await access.require(.administer, of: try context.principal, operation: operation)
    guard let found = try await store.verification(id) else {
      throw Fault(
        .notFound, operation: operation, reason: "there is no such verification",
        remedy: "list them with 'lobstack verification list'")
    }
    return try jsonResponse(found)
  }

  /// Records a report: its digest goes into the audit log, and is signed with it.
  @Sendable private func recordVerification(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    let id = context.parameters.get("id") ?? ""
    let operation = "record verification \(id.prefix(80))"
    try await access.requireRoot(principal, operation: operation)
    let report = try await text(of: request)
    let header = try header(of: report, id: id, operation: operation)
    let digest = Hexadecimal.encode(SHA256.hash(data: Data(report.utf8)))
    if let known = try await recorded(id, digest, operation) { return try jsonResponse(known) }
    let summary = header.summary
    let event = AuditEvent(
      actor: principal.name, action: "verification.record", target: "verification \(id)", outcome: "allowed",
      details: [
        "sha256": digest, "tier": header.run.tier, "proven": "\(summary.proven)", "failed": "\(summary.failed)",
        "notTestable": "\(summary.notTestable)", "waived": "\(summary.waived)",
        "trigger": (header.run.trigger ?? .person).rawValue,
      ])
    let index = try await audit.require(event)
    let verification = VerificationResource(
      id: id, tier: header.run.tier, trigger: header.run.trigger, startedAt: header.run.startedAt,
      durationMs: header.run.durationMs, version: header.run.version, program: header.run.program, summary: summary,
      sha256: digest, auditIndex: index, report: report)
    do { try await recordingFailure(event) { try await store.append(verification) } } catch {
      // The same one may have come twice at once.
      if let known = try await recorded(id, digest, operation) { return try jsonResponse(known) }
      throw error
    }
    return try jsonResponse(verification, status: .created)
  }

  /// - Throws: `Fault(.conflict)` when another report has that id.
  private func recorded(_ id: String, _ digest: String, _ operation: String) async throws -> VerificationResource? {
    guard let known = try await store.verification(id) else { return nil }
    guard known.sha256 == digest else {
      throw Fault(
        .conflict, operation: operation, reason: "another report of that id is recorded",
        remedy: "run the verification again")
    }
    return known
  }

  private func header(of report: String, id: String, operation: String) throws -> VerificationHeader {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: operation, reason: reason, remedy: "send the report that 'lobstack verify -o json' prints")
    }
    let header: VerificationHeader
    do { header = try APIJSON.decode(VerificationHeader.self, from: report.utf8) } catch {
      throw invalid("it is no report of a verification")
    }
    guard UUID(uuidString: id) != nil, header.run.id == id else { throw invalid("the id is not the report's") }
    guard ["quick", "full", "break", "chosen"].contains(header.run.tier) else { throw invalid("its tier is none") }
    guard header.run.version.utf8.count <= 64 else { throw invalid("its version is too long") }
    if let program = header.run.program, program.utf8.count != 64 { throw invalid("its program's digest is none") }
    guard header.run.durationMs >= 0, header.run.startedAt < .now + 300 else { throw invalid("its times are none") }
    return header
  }
}
