import APIModel
import AgentModel
import Faults
import FoundationEssentials
import GRDB

extension Store {
  /// So many alerts are kept: of a few kilobytes each, they take some hundred megabytes of the database. For a new one
  /// the oldest goes of the tenant that has most, so that one of many alerts pushes out its own and nobody else's.
  package static let keptAlerts = 100_000
  /// Alerts are kept so long: a month is what people look back when they find out what an agent did. What has to be
  /// kept longer is sent to where logs are kept.
  package static let alertLifetime = Duration.seconds(30 * 86_400)

  /// Stores alerts; of one that is known only what concerns its response.
  ///
  /// - Parameters:
  ///   - time: the present.
  ///   - most: alerts that are kept.
  /// - Returns: those that were new or changed, in the order of `alerts`.
  package func record(
    _ alerts: [AlertResource], at time: Date = .now, keeping most: Int = Store.keptAlerts
  ) async throws -> [RecordedAlert] {
    try await write("store \(alerts.count) alerts") { db in
      var recorded: [RecordedAlert] = []
      for alert in alerts {
        guard let known = try self.alert(alert.id, db) else {
          try self.insert(alert, at: time, db)
          recorded.append(RecordedAlert(alert: alert, before: nil))
          continue
        }
        let updated = known.updated(by: alert)
        guard updated != known else { continue }
        try db.execute(
          sql: "UPDATE alert SET change = ?, content = ? WHERE id = ?",
          arguments: [try Self.nextChange(db), try self.sealed(updated), alert.id])
        recorded.append(RecordedAlert(alert: updated, before: known.responseState))
      }
      try Self.forgetOldAlerts(at: time, keeping: most, db)
      return recorded
    }
  }

  /// These alerts as they are stored; unknown ones are left out.
  package func alerts(withIDs ids: [String]) async throws -> [String: AlertResource] {
    try await read("look up \(ids.count) alerts") { db in
      var alerts: [String: AlertResource] = [:]
      for id in ids { alerts[id] = try self.alert(id, db) }
      return alerts
    }
  }

  /// Newest first.
  /// - Parameters:
  ///   - scope: only those of agents of this tenant, whatever `filter` asks for.
  ///   - number: only those stored before this one.
  package func alerts(
    _ filter: AlertFilter = AlertFilter(), scope: TenantName? = nil, before number: Int64? = nil, limit: Int
  ) async throws -> [StoredAlert] {
    let (sql, arguments) = Self.listing(filter, scope: scope, before: number, limit: limit)
    return try await read("list alerts") { db in
      try Row.fetchAll(db, sql: sql, arguments: arguments).map(self.storedAlert)
    }
  }

  /// What passes is found in the index alone, and only that is read.
  static func listing(
    _ filter: AlertFilter, scope: TenantName?, before number: Int64?, limit: Int
  ) -> (sql: String, arguments: StatementArguments) {
    var condition = Condition(filter, scope: scope)
    if let number { condition.require("number < ?", number) }
    return (
      """
      SELECT * FROM alert WHERE number IN (
        SELECT number FROM alert INDEXED BY alert_listing \(condition.sql) ORDER BY number DESC LIMIT ?)
      ORDER BY number DESC
      """, condition.arguments + [limit]
    )
  }

  /// What was stored or changed after a place, in that order, for followers.
  ///
  /// - Returns: at most `limit` alerts, and the place up to which that is everything.
  package func alertChanges(
    after change: Int64, _ filter: AlertFilter = AlertFilter(), scope: TenantName? = nil, limit: Int
  ) async throws -> (alerts: [StoredAlert], place: Int64) {
    let (sql, arguments) = Self.changes(after: change, filter, scope: scope, limit: limit)
    return try await read("follow alerts") { db in
      let alerts = try Row.fetchAll(db, sql: sql, arguments: arguments).map(self.storedAlert)
      guard alerts.count == limit, let last = alerts.last else { return (alerts, try Self.lastChange(db)) }
      return (alerts, last.change)
    }
  }

  static func changes(
    after change: Int64, _ filter: AlertFilter, scope: TenantName?, limit: Int
  ) -> (sql: String, arguments: StatementArguments) {
    var condition = Condition(filter, scope: scope)
    condition.require("change > ?", change)
    return ("SELECT * FROM alert \(condition.sql) ORDER BY change LIMIT ?", condition.arguments + [limit])
  }

  /// The place after everything that is stored.
  package func lastAlertChange() async throws -> Int64 { try await read("follow alerts") { try Self.lastChange($0) } }

  private func alert(_ id: String, _ db: Database) throws -> AlertResource? {
    try Row.fetchOne(db, sql: "SELECT * FROM alert WHERE id = ?", arguments: [id]).map { try storedAlert($0).alert }
  }

  private func insert(_ alert: AlertResource, at time: Date, _ db: Database) throws {
    guard let priority = AlertPriority(alert.priority) else {
      throw Fault(
        .invalid, operation: "store alert \(alert.id)", reason: "'\(alert.priority.prefix(80))' is not a priority",
        remedy: "give \(AlertPriority.rule)")
    }
    try db.execute(
      sql: """
        INSERT INTO alert (id, change, storedAt, time, tenant, name, rule, rank, content)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        alert.id, try Self.nextChange(db), time.storedMilliseconds, alert.time.storedMilliseconds,
        alert.agent?.tenant.description, alert.agent?.name.description, alert.rule, priority.rawValue,
        try sealed(alert),
      ])
  }

  /// By indexes alone, so that it costs little with each report.
  private static func forgetOldAlerts(at time: Date, keeping most: Int, _ db: Database) throws {
    try db.execute(
      sql: "DELETE FROM alert WHERE storedAt < ?",
      arguments: [time.storedMilliseconds - alertLifetime.components.seconds * 1000])
    var excess = (try Int.fetchOne(db, sql: "SELECT ifnull(SUM(kept), 0) FROM alertShare") ?? 0) - most
    while excess > 0 {
      let shares = try Row.fetchAll(
        db, sql: "SELECT nullif(tenant, '') AS tenant, kept FROM alertShare ORDER BY kept DESC, tenant LIMIT 2")
      guard let first = shares.first, let kept = Int.fromDatabaseValue(first["kept"]) else { return }
      let next = shares.count > 1 ? Int.fromDatabaseValue(shares[1]["kept"]) ?? 0 : 0
      let count = min(excess, max(kept - next, 1))
      try db.execute(
        sql: """
          DELETE FROM alert WHERE number IN (SELECT number FROM alert WHERE tenant IS ? ORDER BY number LIMIT ?)
          """, arguments: [String.fromDatabaseValue(first["tenant"]), count])
      excess -= count
    }
  }

  private static func nextChange(_ db: Database) throws -> Int64 {
    try db.execute(sql: "UPDATE counter SET value = value + 1 WHERE name = 'alert'")
    return try lastChange(db)
  }

  private static func lastChange(_ db: Database) throws -> Int64 {
    try Int64.fetchOne(db, sql: "SELECT value FROM counter WHERE name = 'alert'") ?? 0
  }

  /// Command lines and names of files stand in it: what an agent's program was given may be a secret.
  private func sealed(_ alert: AlertResource) throws -> Data {
    try key.seal(try json(alert), for: Self.place(ofAlert: alert.id))
  }

  private func storedAlert(_ row: Row) throws -> StoredAlert {
    guard let number = Int64.fromDatabaseValue(row["number"]), let id = String.fromDatabaseValue(row["id"]),
      let change = Int64.fromDatabaseValue(row["change"]), let content = Data.fromDatabaseValue(row["content"])
    else { throw Damage(column: "number, id, change or content") }
    let text = try key.open(content, for: Self.place(ofAlert: id))
    return StoredAlert(number: number, change: change, alert: try APIJSON.decode(AlertResource.self, from: text.utf8))
  }

  private static func place(ofAlert id: String) -> String { "alert \(id)" }
}
