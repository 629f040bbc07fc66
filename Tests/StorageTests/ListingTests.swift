import APIModel
import AgentModel
import Foundation
import GRDB
import Testing

@testable import Storage

/// How SQLite finds what listings show: by the plan that it makes, which no clock has a part in.
@Suite("The store's listings") struct ListingTests {
  private func with(_ body: (Store) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-listings-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let store = try await Store.open(path: "\(directory)/test.sqlite", key: testKey)
    try await body(store)
    try store.close()
  }

  private func plan(_ query: (sql: String, arguments: StatementArguments), _ store: Store) async throws -> [String] {
    try await store.read("explain a query") { db in
      try Row.fetchAll(db, sql: "EXPLAIN QUERY PLAN \(query.sql)", arguments: query.arguments).map { $0["detail"] }
    }
  }

  @Test("go from where a page of agents begins, and sort nothing") func agents() async throws {
    try await with { store in
      let (acme, zeta) = (try #require(TenantName("acme")), try #require(TenantName("zeta")))
      let cursor = try #require(AgentID("acme/bot"))
      let index = "agent USING INDEX sqlite_autoindex_agent_2"
      for (tenant, after, step) in [
        (nil, nil, "SCAN \(index)"), (nil, cursor, "SEARCH \(index) ((tenant,name)>(?,?))"),
        (acme, nil, "SEARCH \(index) (tenant=?)"), (acme, cursor, "SEARCH \(index) (tenant=? AND name>?)"),
      ] as [(TenantName?, AgentID?, String)] {
        let found = try await plan(Store.listing(tenant: tenant, after: after, search: nil), store)
        #expect(found == [step])
        let searched = try await plan(Store.listing(tenant: tenant, after: after, search: "x"), store)
        #expect(searched.first == step)
        #expect(!searched.contains { $0.contains("TEMP B-TREE") })
      }
      let other = try await plan(Store.listing(tenant: zeta, after: cursor, search: nil), store)
      #expect(other.first?.hasPrefix("SEARCH \(index)") == true)
    }
  }

  /// Every filter by itself, and all together.
  private static let filters: [AlertFilter] = [
    AlertFilter(), AlertFilter(agent: AgentID("acme/bot")), AlertFilter(tenant: TenantName("acme")),
    AlertFilter(priority: AlertPriority("Critical")), AlertFilter(rule: "Shell"), AlertFilter(since: .now),
    AlertFilter(
      agent: AgentID("acme/bot"), tenant: TenantName("acme"), priority: AlertPriority("Critical"), rule: "Shell",
      since: .now),
  ]

  @Test("of alerts look for what passes in the index alone, from where the page begins", arguments: filters)
  func alerts(filter: AlertFilter) async throws {
    try await with { store in
      for scope in [nil, TenantName("acme")] {
        for number in [nil, 50_000] as [Int64?] {
          let found = try await plan(Store.listing(filter, scope: scope, before: number, limit: 101), store)
          let step =
            number == nil
            ? "SCAN alert USING COVERING INDEX alert_listing"
            : "SEARCH alert USING COVERING INDEX alert_listing (number<?)"
          #expect(found.contains(step), "\(found)")
          #expect(found.first == "SEARCH alert USING INTEGER PRIMARY KEY (rowid=?)", "\(found)")
          #expect(!found.contains { $0.contains("TEMP B-TREE") }, "\(found)")
        }
      }
    }
  }

  @Test("for followers begin at their place, and sort nothing", arguments: filters)
  func changes(filter: AlertFilter) async throws {
    try await with { store in
      for scope in [nil, TenantName("acme")] {
        let found = try await plan(Store.changes(after: 50_000, filter, scope: scope, limit: 100), store)
        #expect(found == ["SEARCH alert USING INDEX sqlite_autoindex_alert_2 (change>?)"])
      }
    }
  }

  @Test("of agents find names, images and labels in any case, and nothing that stands in none of them")
  func search() async throws {
    try await with { store in
      for (id, image, labels) in [
        ("acme/bot", "oci:/srv/Support:1.4", ["team": "Sales"]), ("acme/cat", "dir:/srv/cat", ["env": "prod"]),
        ("zeta/bot", "dir:/srv/other", [:]),
      ] {
        var spec = AgentSpec(image: try #require(ImageReference(image)))
        spec.env = ["KEY": "canary"]
        _ = try await store.create(
          StoredAgent(
            agent: Agent(id: try #require(AgentID(id)), labels: labels, spec: spec), uid: .random(), createdAt: .now,
            creator: "root@unix", auditIndex: 1))
      }
      for (text, expected) in [
        ("bot", ["acme/bot", "zeta/bot"]), ("ACME/", ["acme/bot", "acme/cat"]), ("support:1", ["acme/bot"]),
        ("team=sales", ["acme/bot"]), ("prod", ["acme/cat"]), ("canary", []), ("%", []), ("_", []), ("' OR 1=1 --", []),
      ] {
        #expect(try await store.agents(search: text, limit: 9).map(\.id.description) == expected, "\(text)")
      }
      let first = try #require(AgentID("acme/bot"))
      let rest = try await store.agents(after: first, search: "bot", limit: 9)
      #expect(rest.map(\.id.description) == ["zeta/bot"])
      // Another image is found by its new name.
      _ = try await store.update(try #require(AgentID("zeta/bot")), operation: "change") {
        $0.agent.spec.image = ImageReference("dir:/srv/newer") ?? $0.agent.spec.image
      }
      #expect(try await store.agents(search: "newer", limit: 9).count == 1)
      #expect(try await store.agents(search: "srv/other", limit: 9).isEmpty)
      // What is not wanted takes no place of the page.
      let wanted = try await store.agents(limit: 9).dropFirst().map(\.uid)
      #expect(try await store.agents(limit: 1) { wanted.contains($0) }.map(\.uid) == [wanted[0]])
    }
  }
}
