import APIModel
import GRDB

extension Store {
  /// Only the newest that people made are kept; that the others were made stays in the audit log.
  package static let keptVerifications = 1_000
  /// Of those that the platform made by itself, a year's at the interval that is usual. They push out no person's.
  package static let keptOwnVerifications = 1_500

  package func append(_ verification: VerificationResource) async throws {
    var head = verification
    let report = head.report ?? ""
    head.report = nil
    let content = try json(head)
    try await write("store verification \(verification.id)") { db in
      try db.execute(
        sql: "INSERT INTO verification (id, content, report) VALUES (?, ?, ?)",
        arguments: [verification.id, content, report])
      let isOwn = verification.trigger != .person
      try db.execute(
        sql: """
          DELETE FROM verification WHERE number IN (
            SELECT number FROM verification
            WHERE (COALESCE(json_extract(content, '$.trigger'), 'person') <> 'person') = ?
            ORDER BY number DESC LIMIT -1 OFFSET ?)
          """, arguments: [isOwn, isOwn ? Self.keptOwnVerifications : Self.keptVerifications])
    }
  }

  /// Newest first, without their reports.
  ///
  /// - Parameter number: only those stored before this one.
  package func verifications(
    before number: Int64? = nil, limit: Int
  ) async throws -> [(number: Int64, verification: VerificationResource)] {
    try await read("list verifications") { db in
      try Row.fetchAll(
        db,
        sql: """
          SELECT number, content FROM verification WHERE (?1 IS NULL OR number < ?1) ORDER BY number DESC LIMIT ?2
          """, arguments: [number, limit]
      ).map { row in
        guard let number = Int64.fromDatabaseValue(row["number"]) else { throw Damage(column: "number") }
        return (number, try Self.verification(in: row))
      }
    }
  }

  /// The newest of a tier that looks at all it can, without its report: not one of outages or chosen checks.
  package func newestWholeVerification() async throws -> VerificationResource? {
    try await read("read the newest verification") { db in
      try Row.fetchOne(
        db,
        sql: """
          SELECT content FROM verification WHERE json_extract(content, '$.tier') IN ('quick', 'full')
          ORDER BY number DESC LIMIT 1
          """
      ).map(Self.verification)
    }
  }

  /// With its report; `nil` when there is none of that id.
  package func verification(_ id: String) async throws -> VerificationResource? {
    try await read("read verification \(id)") { db in
      guard
        let row = try Row.fetchOne(
          db, sql: "SELECT content, report FROM verification WHERE id = ?", arguments: [id])
      else { return nil }
      guard let report = String.fromDatabaseValue(row["report"]) else { throw Damage(column: "report") }
      var verification = try Self.verification(in: row)
      verification.report = report
      return verification
    }
  }

  private static func verification(in row: Row) throws -> VerificationResource {
    guard let content = String.fromDatabaseValue(row["content"]) else { throw Damage(column: "content") }
    return try APIJSON.decode(VerificationResource.self, from: content.utf8)
  }
}
