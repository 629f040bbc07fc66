import APIModel
import AgentModel
import Faults
import FoundationEssentials
import GRDB

extension Store {
  /// - Parameter hash: SHA-256 of the secret; neither is stored, only what the store's key makes of it.
  /// - Throws: `Fault(.alreadyExists)` when a token has that name: audit records name tokens by it.
  package func insert(_ token: TokenResource, hash: [UInt8]) async throws {
    let operation = "store token \(token.name)"
    try await write(operation) { db in
      let used = try Bool.fetchOne(
        db, sql: "SELECT EXISTS (SELECT 1 FROM token WHERE name = ?)", arguments: [token.name])
      guard used != true else {
        throw Fault(
          .alreadyExists, operation: operation, reason: "there is a token of that name",
          remedy: "choose another name, or revoke that token")
      }
      try db.execute(
        sql: "INSERT INTO token (id, name, hash, role, tenant, createdAt, expiresAt) VALUES (?, ?, ?, ?, ?, ?, ?)",
        arguments: [
          token.id, token.name, self.key.digest(hash), token.role.rawValue, token.tenant?.description,
          token.createdAt.storedMilliseconds, token.expiresAt?.storedMilliseconds,
        ])
    }
  }

  /// The token whose secret has this SHA-256, expired or not.
  package func token(hash: [UInt8]) async throws -> TokenResource? {
    try await read("look up a token") { db in
      try Row.fetchOne(db, sql: "SELECT * FROM token WHERE hash = ?", arguments: [self.key.digest(hash)])
        .map(TokenResource.init(row:))
    }
  }

  /// In the order of their creation.
  package func tokens() async throws -> [TokenResource] {
    try await read("list tokens") { db in
      try Row.fetchAll(db, sql: "SELECT * FROM token ORDER BY createdAt, id").map(TokenResource.init(row:))
    }
  }

  package func removeToken(_ id: String) async throws {
    try await write("revoke token \(id)") { db in
      try db.execute(sql: "DELETE FROM token WHERE id = ?", arguments: [id])
      guard db.changesCount > 0 else {
        throw Fault(
          .notFound, operation: "revoke token \(id)", reason: "there is no such token",
          remedy: "list them with 'lobstack token list'")
      }
    }
  }

  package func setTokenUsed(_ id: String, at time: Date) async throws {
    try await write("note the use of token \(id)") { db in
      try db.execute(
        sql: "UPDATE token SET lastUsedAt = ? WHERE id = ?", arguments: [time.storedMilliseconds, id])
    }
  }
}

extension TokenResource {
  fileprivate init(row: Row) throws {
    let time: (String) -> Date? = {
      Int64.fromDatabaseValue(row[$0] as DatabaseValue).map(Date.init(storedMilliseconds:))
    }
    guard let id = String.fromDatabaseValue(row["id"]), let name = String.fromDatabaseValue(row["name"]),
      let role = String.fromDatabaseValue(row["role"]).flatMap(Role.init(rawValue:)), let createdAt = time("createdAt")
    else { throw Damage(column: "id, name, role or createdAt") }
    var tenant: TenantName?
    if let text = String.fromDatabaseValue(row["tenant"]) {
      // A tenant that cannot be read must not become "every tenant".
      guard let parsed = TenantName(text) else { throw Damage(column: "tenant") }
      tenant = parsed
    }
    self.init(
      id: id, name: name, role: role, tenant: tenant, createdAt: createdAt, expiresAt: time("expiresAt"),
      lastUsedAt: time("lastUsedAt"))
  }
}
