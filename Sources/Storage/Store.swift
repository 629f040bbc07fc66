import Faults
import FoundationEssentials
import GRDB

/// The control plane's state in SQLite: agents as they are wished, tokens, denials, alerts, answers to
/// repeat.
///
/// One process opens it, for writing. A change is on the disk when its method returns (WAL, `synchronous` FULL), and a
/// method that throws changed nothing.
package final class Store: Sendable {
  /// Past this size a write fails with `Fault(.exhausted)`, before the disk is full for everybody else.
  package static let defaultLongestBytes = 4 << 30
  private static let pageSize = 4096

  let pool: DatabasePool
  let key: StoreKey

  private init(pool: DatabasePool, key: StoreKey) {
    self.pool = pool
    self.key = key
  }

  /// Opens or creates the database and brings its schema up to date.
  ///
  /// - Parameters:
  ///   - key: of the sensitive columns.
  ///   - longestBytes: limit of the database's size.
  /// - Throws: `Fault(.failed)` naming the path when it cannot be opened, `.unsupported` when a newer version made it,
  ///   `.invalid` when it was sealed by another key.
  package static func open(
    path: String, key: StoreKey, longestBytes: Int = Store.defaultLongestBytes
  ) async throws -> Store {
    try await storing("open \(path)") {
      var configuration = Configuration()
      configuration.label = "lobstack.store"
      configuration.busyMode = .timeout(5)
      configuration.foreignKeysEnabled = true
      configuration.maximumReaderCount = 4
      configuration.prepareDatabase { db in
        // A program of a cluster has no directory for files in passing; a transaction is small.
        try db.execute(sql: "PRAGMA temp_store = MEMORY")
        if !db.configuration.readonly {
          // What was sealed anew leaves nothing of what it was.
          try db.execute(sql: "PRAGMA secure_delete = ON")
          try db.execute(sql: "PRAGMA max_page_count = \(max(longestBytes / pageSize, 64))")
        }
      }
      let pool = try DatabasePool(path: path, configuration: configuration)
      // Only now: a pool sets it to NORMAL when it opens, with which a commit is not on the disk yet.
      let level = try await pool.writeWithoutTransaction { db in
        try db.execute(sql: "PRAGMA synchronous = FULL")
        return try Int.fetchOne(db, sql: "PRAGMA synchronous")
      }
      guard level == 2 else {
        throw Fault(
          .failed, operation: "open \(path)", reason: "SQLite does not take synchronous FULL",
          remedy: "use SQLite 3.7 or newer")
      }
      let migrator = Schema.migrator(key)
      try await pool.read { try Schema.requireKnown($0, path) }
      let wasSealed = try await pool.read { try migrator.completedMigrations($0).contains(Schema.sealing) }
      try migrator.migrate(pool)
      if !wasSealed {
        // Free pages of a version that sealed nothing hold what it wrote.
        try await pool.writeWithoutTransaction { db in
          try db.execute(sql: "VACUUM")
          try db.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
      }
      try await pool.read { db in
        // One that opens shows that the key is the store's; a row that is damaged is told when it is asked for.
        let row = try Row.fetchOne(db, sql: "SELECT * FROM agent LIMIT 1")
        _ = try row.map { try StoredAgent(row: $0, key: key) }
      }
      return Store(pool: pool, key: key)
    }
  }

  package func close() throws { try pool.close() }

  func read<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    try await storing(operation) { try await pool.read(body) }
  }

  /// Runs `body` in one transaction.
  func write<Value: Sendable>(
    _ operation: String, _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws -> Value {
    try await storing(operation) { try await pool.write(body) }
  }
}

/// Turns SQLite's errors into faults; a fault thrown within passes.
private func storing<Value: Sendable>(
  _ operation: String, _ body: () async throws -> Value
) async throws -> Value {
  do { return try await body() } catch let error as DatabaseError {
    switch error.resultCode {
    case .SQLITE_FULL:
      throw Fault(
        .exhausted, operation: operation, reason: "the disk or the database's size limit is full",
        remedy: "free space below the state directory", cause: error)
    case .SQLITE_BUSY, .SQLITE_LOCKED:
      throw Fault(
        .unavailable, operation: operation, reason: "another process holds the database",
        remedy: "make sure that only one control plane uses this state directory", cause: error)
    default:
      throw Fault(
        .failed, operation: operation, reason: "SQLite refused with code \(error.extendedResultCode.rawValue)",
        remedy: "check the disk, and the owner and mode of the state directory", cause: error)
    }
  }
}

extension Date {
  /// Stored times have whole milliseconds, as the API shows them.
  var storedMilliseconds: Int64 { Int64((timeIntervalSince1970 * 1000).rounded()) }

  init(storedMilliseconds: Int64) { self.init(timeIntervalSince1970: Double(storedMilliseconds) / 1000) }
}
