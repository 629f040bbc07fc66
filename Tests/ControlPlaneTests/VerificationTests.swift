import APIModel
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Storage
import Testing

@testable import ControlPlane

@Suite("Verifications") struct VerificationTests {
  private static let id = "6f1b1f6e-1f3a-4a57-9d1a-000000000001"

  private static func report(_ id: String = id, failed: Int = 0) -> String {
    #"{"run":{"id":"\#(id)","tier":"quick","startedAt":"2026-11-27T12:00:00Z","durationMs":41000,"version":"0.1.0"},"#
      + #""summary":{"proven":40,"failed":\#(failed),"notTestable":1,"waived":0},"checks":[]}"#
  }

  @Test("are recorded once, with their digest in the audit log") func recorded() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let path = "/v1/verifications/\(Self.id)"
        let made = try await caller.send(.put, path, body: Self.report())
        #expect(made.status == .created)
        let resource = try decode(VerificationResource.self, made)
        #expect(resource.summary.proven == 40 && resource.tier == "quick" && resource.report == Self.report())
        let again = try await caller.send(.put, path, body: Self.report())
        #expect(again.status == .ok)
        #expect(try decode(VerificationResource.self, again) == resource)
        #expect(try await caller.send(.put, path, body: Self.report(failed: 3)).status == .conflict)
        let read = try decode(VerificationResource.self, try await caller.send(.get, path))
        #expect(read == resource)
        let page = try decode(Page<VerificationResource>.self, try await caller.send(.get, "/v1/verifications"))
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status"))
        let component = status.components.first { $0.name == "verification" }
        #expect(component?.detail == "40 proven, 1 not testable (quick, 2026-11-27T12:00:00Z)")
        #expect(component?.state == "ready")
        #expect(page.items.map(\.id) == [Self.id] && page.items[0].report == nil && page.next == nil)
      }
      let events = await platform.audit.events.filter { $0.action == "verification.record" }
      #expect(events.count == 1)
      #expect(events.first?.details["sha256"]?.count == 64 && events.first?.details["proven"] == "40")
      #expect(events.first?.details["trigger"] == "person", "a report of before there was a schedule")
    }
  }

  @Test("tell who began them, in list, status and audit log", arguments: VerificationTrigger.allCases)
  func trigger(_ trigger: VerificationTrigger) async throws {
    let program = String(repeating: "5a", count: 32)
    let report = Self.report().replacing(
      #""tier":"quick""#, with: #""tier":"quick","trigger":"\#(trigger)","program":"\#(program)""#)
    try await Platform.with { platform in
      try await platform.test { caller in
        #expect(try await caller.send(.put, "/v1/verifications/\(Self.id)", body: report).status == .created)
        let page = try decode(Page<VerificationResource>.self, try await caller.send(.get, "/v1/verifications"))
        #expect(page.items.first?.trigger == trigger && page.items.first?.program == program)
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status"))
        let detail = status.components.first { $0.name == "verification" }?.detail ?? ""
        let words = [
          "person": "(quick, 2", "schedule": "(quick by the schedule, 2", "upgrade": "(quick by an upgrade, 2",
        ]
        #expect(detail.contains(words["\(trigger)"] ?? "?"), "\(detail)")
      }
      let events = await platform.audit.events.filter { $0.action == "verification.record" }
      #expect(events.map { $0.details["trigger"] } == ["\(trigger)"])
    }
  }

  @Test("of chosen checks alone do not hide in the status what a whole run found") func chosen() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let whole = try await caller.send(.put, "/v1/verifications/\(Self.id)", body: Self.report(failed: 1))
        #expect(whole.status == .created)
        let id = "6f1b1f6e-1f3a-4a57-9d1a-000000000009"
        let report = Self.report(id).replacing("quick", with: "chosen")
        #expect(try await caller.send(.put, "/v1/verifications/\(id)", body: report).status == .created)
        let status = try decode(PlatformStatus.self, try await caller.send(.get, "/v1/status"))
        #expect(status.components.first { $0.name == "verification" }?.state == "degraded")
      }
    }
  }

  @Test("are listed page by page, the newest first") func pages() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let ids = (1...5).map { "6f1b1f6e-1f3a-4a57-9d1a-00000000000\($0)" }
        for id in ids {
          #expect(try await caller.send(.put, "/v1/verifications/\(id)", body: Self.report(id)).status == .created)
        }
        var seen: [String] = []
        var cursor = ""
        repeat {
          let page = try decode(
            Page<VerificationResource>.self, try await caller.send(.get, "/v1/verifications?limit=2\(cursor)"))
          seen += page.items.map(\.id)
          cursor = page.next.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(seen == ids.reversed())
      }
    }
  }

  @Test(
    "that are no reports are refused",
    arguments: [
      "{}", "[]", "", report("6f1b1f6e-1f3a-4a57-9d1a-000000000002"), report().replacing("quick", with: "some"),
      report().replacing("0.1.0", with: String(repeating: "9", count: 65)),
      report().replacing(#""tier":"quick""#, with: #""tier":"quick","trigger":"king""#),
      report().replacing(#""tier":"quick""#, with: #""tier":"quick","program":"5a""#),
    ])
  func refused(body: String) async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        let response = try await caller.send(.put, "/v1/verifications/\(Self.id)", body: body)
        #expect(response.status == .badRequest, "\(String(buffer: response.body))")
      }
      #expect(await platform.audit.events.allSatisfy { $0.action != "verification.record" })
    }
  }

  @Test("are not recorded when the audit log cannot be written") func unwritable() async throws {
    try await Platform.with { platform in
      await platform.audit.refuse(
        with: Fault(.unavailable, operation: "append", reason: "the disk is gone", remedy: "mount it"))
      try await platform.test { caller in
        let path = "/v1/verifications/\(Self.id)"
        let response = try await caller.send(.put, path, body: Self.report())
        #expect(response.status == .serviceUnavailable)
      }
      let kept = try await platform.api.store.verifications(limit: 10)
      #expect(kept.isEmpty)
    }
  }
}
