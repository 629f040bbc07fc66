import APIModel
import AgentModel
import GRDB

extension Store {
  /// Only the newest denials are kept: they are evidence for people, and an agent can cause as many as it likes.
  package static let keptDenials = 10_000

  package func append(_ denials: [DenialResource]) async throws {
    try await write("store \(denials.count) denials") { db in
      for denial in denials {
        try db.execute(
          sql: "INSERT INTO denial (tenant, content) VALUES (?, ?)",
          arguments: [denial.agent?.tenant.description, try json(denial)])
      }
      try db.execute(
        sql: "DELETE FROM denial WHERE id <= (SELECT MAX(id) FROM denial) - ?", arguments: [Self.keptDenials])
    }
  }

  /// Newest first.
  /// - Parameters:
  ///   - number: only those stored before this one.
  ///   - tenant: only those of agents of this tenant.
  ///   - agent: only those of this agent.
  package func denials(
    before number: Int64? = nil, tenant: TenantName? = nil, agent: AgentID? = nil, limit: Int
  ) async throws -> [(number: Int64, denial: DenialResource)] {
    try await read("list denials") { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT id, content FROM denial WHERE (?1 IS NULL OR id < ?1) AND (?2 IS NULL OR tenant = ?2)
          AND (?3 IS NULL OR json_extract(content, '$.agent') = ?3) ORDER BY id DESC LIMIT ?4
          """,
        arguments: [number, tenant?.description, agent?.description, limit]
      ).map { row in
        guard let id = Int64.fromDatabaseValue(row["id"]), let content = String.fromDatabaseValue(row["content"]) else {
          throw Damage(column: "id or content")
        }
        return (id, try APIJSON.decode(DenialResource.self, from: content.utf8))
      }
    }
  }
}
