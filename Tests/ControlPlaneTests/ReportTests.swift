import APIModel
import Compliance
import Crypto
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Storage
import Testing
import TextEncodings

@testable import ControlPlane

@Suite("The report on the Trust Services Criteria") struct ReportTests {
  private static let id = "6f1b1f6e-1f3a-4a57-9d1a-000000000001"

  private static func verification(_ verdict: String = "PROVEN") -> String {
    #"{"run":{"id":"\#(id)","tier":"full","startedAt":"2026-11-27T12:00:00Z","durationMs":9,"version":"0.1.0"},"#
      + #""summary":{"proven":1,"failed":0,"notTestable":0,"waived":0},"waivers":[],"#
      + #""checks":[{"id":"ISO-1","verdict":"\#(verdict)"}]}"#
  }

  private static func report(_ caller: Caller, _ query: String = "") async throws -> ComplianceReport {
    let response = try await caller.send(.get, "/v1/reports/soc2\(query)")
    try #require(response.status == .ok, "\(String(buffer: response.body))")
    return try decode(ComplianceReport.self, response)
  }

  @Test("is made of the log's records and the verifications that they tell of") func made() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot")
        let recorded = try await caller.send(.put, "/v1/verifications/\(Self.id)", body: Self.verification())
        #expect(recorded.status == .created)
        let report = try await Self.report(caller)
        let controls = report.criteria.flatMap(\.controls)
        let kernel = controls.first { $0.id == "ISO-1" }
        let resource = try decode(VerificationResource.self, recorded)
        // Proven now, and not in the 90 days before.
        #expect(kernel?.status == .partlyEvidenced)
        #expect(kernel?.evidence.first?.reference.sha256 == resource.sha256)
        #expect(kernel?.evidence.first?.reference.auditIndex == resource.auditIndex)
        #expect(controls.first { $0.id == "ISO-2" }?.status == .noEvidence)
        #expect(controls.first { $0.id == "OPS-3" }?.count == 1)
        #expect(report.platform.instance == "test" && report.platform.policies?.isEmpty == false)
        #expect(report.log.from == 0 && report.log.to == report.log.size)
        #expect(report.deviations.map(\.kind) == [.verificationGap, .logBegins])
        let since = APIJSON.text(.now - 3_600)
        #expect(try await Self.report(caller, "?since=\(since)").criteria.first?.controls.first?.status == .evidenced)
      }
    }
  }

  @Test("is recorded with the digest of its bytes, and not made when it cannot be") func recorded() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let response = try await caller.send(.get, "/v1/reports/soc2")
        let digest = Hexadecimal.encode(SHA256.hash(data: Data(response.body.readableBytesView)))
        let event = await platform.audit.events.last
        #expect(event?.action == "report.create" && event?.details["sha256"] == digest)
        await platform.audit.refuse(
          with: Fault(.unavailable, operation: "append", reason: "the disk is gone", remedy: "mount it"))
        #expect(try await caller.send(.get, "/v1/reports/soc2").status == .serviceUnavailable)
      }
    }
  }

  @Test("takes a report for none that is not the one that was recorded") func exchanged() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let recorded = try await caller.send(.put, "/v1/verifications/\(Self.id)", body: Self.verification())
        let resource = try decode(VerificationResource.self, recorded)
        var other = resource
        other.id = "6f1b1f6e-1f3a-4a57-9d1a-000000000002"
        let event = AuditEvent(
          actor: "uid 0", action: "verification.record", target: "verification \(other.id)", outcome: "allowed",
          details: ["sha256": String(repeating: "0", count: 64)])
        _ = try await platform.audit.append(event)
        try await platform.api.store.append(other)
        _ = try await platform.audit.append(
          AuditEvent(
            actor: "uid 0", action: "verification.record", target: "verification gone", outcome: "allowed"))
        let deviation = try await Self.report(caller).deviations.first { $0.kind == .reportUnreadable }
        #expect(deviation?.count == 2)
        #expect(deviation?.items.first?.text.hasSuffix("its report is not the one whose SHA-256 was recorded") == true)
        #expect(deviation?.items.last?.text.hasSuffix("its report is not kept any more") == true)
      }
    }
  }

  @Test("looks at a period's records and no others, wherever they stand") func period() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        for name in ["one", "two", "three"] { try await caller.create(name) }
        let records = await platform.audit.page(from: 0, limit: 100)
        let created = records.filter { $0.action == "agent.create" }
        let (first, last) = (created[1].time, created[2].time)
        // JSON has milliseconds.
        try #require(last.timeIntervalSince(first) < 60)
        let (evidence, log) = try await EvidenceReader(audit: platform.audit, store: platform.store).read(
          .init(since: first, until: last))
        #expect(log.from == created[1].index && log.to == created[2].index)
        #expect(evidence.period.since == first)
      }
    }
  }

  @Test(
    "refuses a period that is none, and names what is wrong",
    arguments: [
      ("?since=yesterday", "since"), ("?until=2026-13-01T00:00:00Z", "until"), ("?until=2999-01-01T00:00:00Z", "until"),
      ("?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
      ("?since=2026-01-01T00:00:00Z&until=2026-01-01T00:00:00Z", "since"),
    ])
  func refused(query: String, name: String) async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let problem = try problem(try await caller.send(.get, "/v1/reports/soc2\(query)"), .badRequest)
        #expect(problem.fault.operation == "read the query parameter \(name)")
      }
      #expect(await platform.audit.events.allSatisfy { $0.action != "report.create" })
    }
  }
}
