import APIModel
import Admission
import AgentModel
import Compliance
import Crypto
import Faults
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import TextEncodings

extension API {
  func addReportRoutes(to router: Router<APIContext>) { router.get("/v1/reports/soc2", use: makeReport) }

  private static let longestPast: TimeInterval = 90 * 86_400

  /// Makes a report, and records its digest: that it was not changed can be shown later.
  @Sendable private func makeReport(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.require(.administer, of: principal, operation: "report on the Trust Services Criteria")
    let now = Date.now
    let period = try period(of: request, now: now)
    let reader = EvidenceReader(audit: audit.log, store: store)
    let (evidence, log) = try await reader.read(period)
    let report = Judgement(evidence, at: now).report(
      platform: ComplianceReport.Platform(
        instance: instance, version: LobstackVersion.current, policies: admission.policies.state.version), log: log)
    let bytes = try APIJSON.encode(report)
    let summary = report.summary
    try await audit.require(
      AuditEvent(
        actor: principal.name, action: "report.create", target: "report soc2", outcome: "allowed",
        details: [
          "sha256": Hexadecimal.encode(SHA256.hash(data: bytes)), "since": APIJSON.text(period.since),
          "until": APIJSON.text(period.until), "log.size": "\(log.size)", "evidenced": "\(summary.evidenced)",
          "partlyEvidenced": "\(summary.partlyEvidenced)", "failed": "\(summary.failed)",
          "noEvidence": "\(summary.noEvidence)",
        ]))
    return Response(
      status: .ok, headers: [.contentType: "application/json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
  }

  private func period(of request: Request, now: Date) throws -> ComplianceReport.Period {
    let rule = "a time as 2026-01-31T12:00:00Z (RFC 3339)"
    let until = try parameter("until", of: request, rule: rule) { APIJSON.date($0) } ?? now
    let since =
      try parameter("since", of: request, rule: rule) { APIJSON.date($0) } ?? until - Self.longestPast
    func invalid(_ name: String, _ reason: String, remedy: String) -> Fault {
      Fault(.invalid, operation: "read the query parameter \(name)", reason: reason, remedy: remedy)
    }
    guard until <= now else {
      throw invalid("until", "the period ends in the future", remedy: "give a time that is over, or leave it out")
    }
    guard since < until else {
      throw invalid("since", "the period ends before it begins", remedy: "give a time before 'until'")
    }
    return ComplianceReport.Period(since: since, until: until)
  }
}
