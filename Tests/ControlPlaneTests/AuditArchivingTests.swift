import APIModel
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Synchronization
import Testing

@testable import ControlPlane

@Suite("The control plane, asked to let go of archived records") struct AuditArchivingTests {
  private static func body(_ root: String, records: UInt64 = 2, segment: String = "/archive/records-0-1") throws
    -> String
  {
    String(
      decoding: try APIJSON.encode(AuditArchiving(records: records, rootHash: root, segment: segment)), as: UTF8.self)
  }

  @Test("records it before, and how it ended") func recorded() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        try await caller.create("bot")
        let refused = try await caller.send(.post, "/v1/audit/archives", body: try Self.body("11"))
        #expect(refused.status == .conflict)
        let answer = try await caller.send(.post, "/v1/audit/archives", body: try Self.body("00"))
        #expect(answer.status == .created)
        _ = try decode(AuditArchivingReceipt.self, answer)
      }
      let events = await platform.audit.events.filter { $0.action == "audit.archive" }
      #expect(events.map(\.outcome) == ["allowed", "failed", "allowed", "archived"])
      #expect(events.allSatisfy { $0.target == "records before 2" })
      #expect(events[1].details["reason"] == "another root")
      #expect(events.allSatisfy { $0.details["segment"] == "/archive/records-0-1" })
    }
  }

  @Test("does nothing when it cannot be recorded, or for what is no archiving") func refused() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        for body in [
          try Self.body("00", records: 0), try Self.body("00", segment: ""),
          try Self.body("00", segment: String(repeating: "x", count: 1_025)), "{}", "",
        ] {
          #expect(try await caller.send(.post, "/v1/audit/archives", body: body).status == .badRequest)
        }
        await platform.audit.refuse(
          with: Fault(.exhausted, operation: "append", reason: "the disk is full", remedy: "make room"))
        #expect(try await caller.send(.post, "/v1/audit/archives", body: try Self.body("00")).status.code >= 500)
      }
      #expect(platform.audit.archived.withLock { $0 } == 0)
    }
  }

  @Test("says of a listing which records it did not look at, where they would belong in it") func listing() async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        for name in ["a", "b", "c"] { try await caller.create(name) }
        let size = UInt64(await platform.audit.events.count)
        func page(_ query: String) async throws -> Page<AuditRecordResource> {
          try decode(Page<AuditRecordResource>.self, try await caller.send(.get, "/v1/audit?\(query)"))
        }
        #expect(try await page("from=0").archived == nil)
        #expect(try await page("order=newest").archived == nil)
        platform.audit.archived.withLock { $0 = 2 }
        let archived = ArchivedRecords(before: 2, segment: "records-0")
        let all = try await page("from=0")
        #expect(all.items.map(\.index) == Array(2..<size) && all.archived == archived)
        #expect(try await page("from=2").archived == nil)
        #expect(try await page("order=newest").archived == archived)
        #expect(try await page("order=newest&limit=1").archived == nil)
        #expect(try await page("order=newest&from=1").items.isEmpty)
        #expect(try await page("order=newest&from=1").archived == archived)
        #expect(try await page("action=none").archived == archived)
        #expect(try await page("order=newest&since=\(APIJSON.text(.now + 60))").archived == nil)
      }
    }
  }

  @Test("tells in a report that the period begins before the log's first record") func report() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        for name in ["a", "b", "c"] { try await caller.create(name) }
        platform.audit.archived.withLock { $0 = 2 }
        let answer = try await caller.send(.get, "/v1/reports/soc2")
        let report = try decode(ComplianceReport.self, answer)
        let deviation = try #require(report.deviations.first { $0.kind == .logBegins })
        #expect(deviation.count == 1 && report.log.from == 2)
        #expect(String(buffer: answer.body).contains("records before 2"))
      }
    }
  }
}
