import APIModel
import AgentModel
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import ControlPlane

@Suite("A search of the audit log") struct AuditSearchTests {
  /// So many records that one request does not look at all of them. The clock counts records, from 1970 on.
  private func withLog(_ body: (Platform) async throws -> Void) async throws {
    try await Platform.with { platform in
      var count = await platform.audit.events.count
      func append(_ event: AuditEvent) async throws {
        _ = try await platform.audit.append(event, at: Date(timeIntervalSince1970: Double(count)))
        count += 1
      }
      for number in 0..<4_500 {
        for _ in 0..<9 {
          try await append(
            AuditEvent(actor: "node", action: "agent.phase", target: "agent acme/bot", outcome: "Running"))
        }
        let (actor, action) = number.isMultiple(of: 2) ? ("token:ci", "secret.set") : ("agent:acme/rag", "secret.read")
        try await append(
          AuditEvent(
            actor: actor, action: action, target: "secret acme/key",
            outcome: number.isMultiple(of: 100) ? "failed" : "allowed"))
      }
      try await body(platform)
    }
  }

  /// All that pages give, and how many pages there were.
  private func found(_ query: String, by caller: Caller) async throws -> (indices: [Int], pages: Int) {
    var indices: [Int] = []
    var pages = 0
    var cursor: String?
    repeat {
      let uri = "/v1/audit?limit=500&\(query)" + (cursor.map { "&cursor=\($0)" } ?? "")
      let page = try decode(Page<AuditRecordResource>.self, try await caller.send(.get, uri))
      indices += page.items.map { Int($0.index) }
      pages += 1
      cursor = page.next
    } while cursor != nil
    return (indices, pages)
  }

  @Test("finds by agent, actor, action, target, outcome and time, in both orders, and nothing else") func filters()
    async throws
  {
    try await withLog { platform in
      let events = await platform.audit.events
      let cases: [(String, @Sendable (AuditEvent, Int) -> Bool)] = [
        ("agent=acme%2Frag", { event, _ in event.actor == "agent:acme/rag" }),
        ("actor=token:ci", { event, _ in event.actor == "token:ci" }),
        ("action=secret.set", { event, _ in event.action == "secret.set" }),
        ("action=secret.*", { event, _ in event.action.hasPrefix("secret.") }),
        (
          "action=secret.*&outcome=failed",
          { event, _ in event.outcome == "failed" && event.action.hasPrefix("secret.") }
        ),
        ("target=secret%20acme%2Fkey&actor=token:ci", { event, _ in event.actor == "token:ci" }),
        (
          "since=1970-01-01T01:00:00Z&until=1970-01-01T02:00:00.000Z&action=secret.*",
          { event, number in (3_600..<7_200).contains(number) && event.action.hasPrefix("secret.") }
        ),
        ("actor=nobody", { _, _ in false }),
      ]
      try await platform.test { caller in
        for (query, holds) in cases {
          let expected = events.indices.filter { holds(events[$0], $0) }
          let oldest = try await found(query, by: caller)
          #expect(oldest.indices == expected, "\(query)")
          let newest = try await found(query + "&order=newest", by: caller)
          #expect(newest.indices == expected.reversed(), "\(query)")
          #expect(oldest.pages > 1 && newest.pages > 1, "one request reads \(events.count) records for \(query)")
        }
      }
    }
  }

  @Test("begins where it is told, in either order, and ends at either end") func order() async throws {
    try await Platform.with { platform in
      for number in 0..<10 {
        _ = try await platform.audit.append(
          AuditEvent(actor: "a", action: "b", target: "\(number)", outcome: "allowed"))
      }
      let size = await platform.audit.events.count
      try await platform.test { caller in
        func page(_ query: String) async throws -> String {
          let page = try decode(Page<AuditRecordResource>.self, try await caller.send(.get, "/v1/audit?\(query)"))
          return "\(page.items.map(\.index)) \(page.next ?? "-")"
        }
        #expect(try await page("limit=2") == "[0, 1] 2")
        #expect(try await page("from=\(size - 1)") == "[\(size - 1)] -")
        #expect(try await page("from=\(size)") == "[] -")
        #expect(try await page("order=newest&limit=2") == "[\(size - 1), \(size - 2)] \(size - 3)")
        #expect(try await page("order=newest&from=1") == "[1, 0] -")
        #expect(try await page("order=newest&from=0") == "[0] -")
        #expect(try await page("order=newest&limit=1&from=\(UInt64.max)") == "[\(size - 1)] \(size - 2)")
        for bad in [
          "order=best", "since=yesterday", "until=1", "action=SECRET", "action=.*", "action=*", "action=a*", "agent=x",
        ] {
          _ = try problem(try await caller.send(.get, "/v1/audit?\(bad)"), .badRequest)
        }
      }
    }
  }
}
