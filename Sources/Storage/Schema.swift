import AgentModel
import Faults
import FoundationEssentials
import GRDB

/// The tables, step by step. A step that was released never changes; what changes is added as another step.
enum Schema {
  /// The step after which the sensitive columns are sealed.
  static let sealing = "3 sealed columns"

  /// - Throws: `Fault(.unsupported)` when the database has a step that this program does not know.
  static func requireKnown(_ db: Database, _ path: String) throws {
    // The names of the steps need no key.
    guard try migrator(StoreKey(SecretValue([]))).hasBeenSuperseded(db) else { return }
    throw Fault(
      .unsupported, operation: "open \(path)", reason: "a newer version of lobstack wrote this database",
      remedy: "run that version or a later one")
  }

  /// The steps that were carried out.
  static func steps(_ db: Database) throws -> [String] {
    try String.fetchAll(db, sql: "SELECT identifier FROM grdb_migrations ORDER BY identifier")
  }

  static func migrator(_ key: StoreKey) -> DatabaseMigrator {
    var migrator = DatabaseMigrator()
    migrator.registerMigration("1 agents, tokens, denials, answers") { db in
      try db.create(table: "agent") { table in
        table.primaryKey("uid", .text)
        table.column("tenant", .text).notNull()
        table.column("name", .text).notNull()
        table.column("generation", .integer).notNull()
        table.column("spec", .text).notNull()
        table.column("labels", .text).notNull()
        table.column("wish", .text).notNull()
        table.column("createdAt", .integer).notNull()
        table.column("deletedAt", .integer)
        table.column("creator", .text).notNull()
        table.column("auditIndex", .integer)
        table.column("recordedPhase", .text)
        table.uniqueKey(["tenant", "name"])
      }
      try db.create(table: "counter") { table in
        table.primaryKey("name", .text)
        table.column("value", .integer).notNull()
      }
      try db.execute(sql: "INSERT INTO counter (name, value) VALUES ('revision', 0)")
      try db.create(table: "token") { table in
        table.primaryKey("id", .text)
        table.column("name", .text).notNull().unique()
        table.column("hash", .blob).notNull().unique()
        table.column("role", .text).notNull()
        table.column("tenant", .text)
        table.column("createdAt", .integer).notNull()
        table.column("expiresAt", .integer)
        table.column("lastUsedAt", .integer)
      }
      try db.create(table: "denial") { table in
        table.autoIncrementedPrimaryKey("id")
        table.column("tenant", .text).indexed()
        table.column("content", .text).notNull()
      }
      try db.create(table: "answer") { table in
        table.column("principal", .text).notNull()
        table.column("key", .text).notNull()
        table.column("fingerprint", .blob).notNull()
        table.column("uid", .text).notNull()
        table.column("createdAt", .integer).notNull().indexed()
        table.primaryKey(["principal", "key"])
      }
    }
    migrator.registerMigration("2 generation of the sandbox") { db in
      try db.alter(table: "agent") { $0.add(column: "sandboxGeneration", .integer) }
      try db.execute(sql: "UPDATE agent SET sandboxGeneration = generation")
    }
    migrator.registerMigration(sealing) { db in
      for row in try Row.fetchAll(db, sql: "SELECT uid, spec FROM agent") {
        guard let uid = String.fromDatabaseValue(row["uid"]), let spec = String.fromDatabaseValue(row["spec"]) else {
          throw Damage(column: "uid or spec")
        }
        try db.execute(
          sql: "UPDATE agent SET spec = ? WHERE uid = ?",
          arguments: [try key.seal(spec, for: StoredAgent.place(ofSpec: uid)), uid])
      }
      for row in try Row.fetchAll(db, sql: "SELECT id, hash FROM token") {
        guard let id = String.fromDatabaseValue(row["id"]), let hash = Data.fromDatabaseValue(row["hash"]) else {
          throw Damage(column: "id or hash")
        }
        try db.execute(sql: "UPDATE token SET hash = ? WHERE id = ?", arguments: [key.digest(hash), id])
      }
    }
    migrator.registerMigration("4 alerts") { db in
      try db.create(table: "alert") { table in
        table.autoIncrementedPrimaryKey("number")
        table.column("id", .text).notNull().unique()
        table.column("change", .integer).notNull().unique()
        table.column("storedAt", .integer).notNull().indexed()
        table.column("time", .integer).notNull()
        table.column("tenant", .text).indexed()
        table.column("name", .text)
        table.column("rule", .text).notNull()
        table.column("rank", .integer).notNull()
        // The last: a search by what stands before it reads nothing of it.
        table.column("content", .blob).notNull()
      }
      try db.execute(sql: "INSERT INTO counter (name, value) VALUES ('alert', 0)")
    }
    migrator.registerMigration("5 verifications") { db in
      try db.create(table: "verification") { table in
        table.autoIncrementedPrimaryKey("number")
        table.column("id", .text).notNull().unique()
        table.column("content", .text).notNull()
        table.column("report", .text).notNull()
      }
    }
    migrator.registerMigration("6 image of the agent, listing of the alerts") { db in
      // In the audit log it stands as it is, and people look for it.
      try db.alter(table: "agent") { $0.add(column: "image", .text) }
      for row in try Row.fetchAll(db, sql: "SELECT uid, spec FROM agent") {
        guard let uid = String.fromDatabaseValue(row["uid"]), let spec = Data.fromDatabaseValue(row["spec"]) else {
          throw Damage(column: "uid or spec")
        }
        let image = try String.fetchOne(
          db, sql: "SELECT json_extract(?, '$.image')",
          arguments: [try key.open(spec, for: StoredAgent.place(ofSpec: uid))])
        try db.execute(sql: "UPDATE agent SET image = ? WHERE uid = ?", arguments: [image, uid])
      }
      // All that filters ask for, in the order of listings: who looks for what is rare reads this, not the alerts.
      try db.create(
        index: "alert_listing", on: "alert", columns: ["number", "tenant", "name", "rule", "rank", "time"])
    }
    migrator.registerMigration("7 agents that are gone") { db in
      try db.create(table: "formerAgent") { table in
        table.primaryKey("uid", .text)
        table.column("tenant", .text).notNull()
        table.column("name", .text).notNull()
        table.column("removedAt", .integer).notNull().indexed()
      }
    }
    migrator.registerMigration("8 secrets as documents list them") { db in
      // They were bare names. Programs of before cannot read the other form, and must not open a store that has it.
      for row in try Row.fetchAll(db, sql: "SELECT uid, spec FROM agent") {
        guard let uid = String.fromDatabaseValue(row["uid"]), let sealed = Data.fromDatabaseValue(row["spec"]) else {
          throw Damage(column: "uid or spec")
        }
        let place = StoredAgent.place(ofSpec: uid)
        let spec = try key.open(sealed, for: place)
        let listed = try String.fetchOne(
          db,
          sql: """
            SELECT json_set(:spec, '$.secrets', json((
              SELECT json_group_array(CASE type WHEN 'text' THEN json_object('name', value) ELSE json(value) END)
              FROM json_each(:spec, '$.secrets'))))
            WHERE json_type(:spec, '$.secrets') = 'array'
            """, arguments: ["spec": spec])
        guard let listed, listed != spec else { continue }
        try db.execute(
          sql: "UPDATE agent SET spec = ? WHERE uid = ?", arguments: [try key.seal(listed, for: place), uid])
      }
    }
    migrator.registerMigration("9 tenants' shares of the alerts") { db in
      // Kept by the database itself, so that it never counts them all. Alerts of no agent have the empty name, which no
      // tenant has.
      try db.execute(
        sql: """
          CREATE TABLE alertShare (tenant TEXT PRIMARY KEY NOT NULL, kept INTEGER NOT NULL) WITHOUT ROWID;
          INSERT INTO alertShare SELECT ifnull(tenant, ''), COUNT(*) FROM alert GROUP BY ifnull(tenant, '');
          CREATE TRIGGER alertKept AFTER INSERT ON alert BEGIN
            INSERT INTO alertShare VALUES (ifnull(NEW.tenant, ''), 1)
              ON CONFLICT (tenant) DO UPDATE SET kept = kept + 1;
          END;
          CREATE TRIGGER alertForgotten AFTER DELETE ON alert BEGIN
            UPDATE alertShare SET kept = kept - 1 WHERE tenant = ifnull(OLD.tenant, '');
            DELETE FROM alertShare WHERE tenant = ifnull(OLD.tenant, '') AND kept <= 0;
          END;
          """)
    }
    return migrator
  }
}
