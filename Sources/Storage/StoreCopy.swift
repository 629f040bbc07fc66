import AgentModel
import Faults
import GRDB

/// A copy of the store's database: one file, without what SQLite keeps beside it while it is open.
package struct StoreCopy: Sendable, Hashable {
  /// The schema's steps that were carried out, in their order.
  package let schema: [String]
  /// The agents as they are wished, save those that are being deleted.
  package let agents: [Agent]

  package struct Agent: Sendable, Hashable, Codable {
    package var id: AgentID
    package var uid: AgentUID

    package init(id: AgentID, uid: AgentUID) {
      self.id = id
      self.uid = uid
    }
  }

  /// Copies the database at `source`, which may be written meanwhile: the copy is what one transaction saw.
  ///
  /// Needs no key: what is sealed stays sealed.
  ///
  /// - Throws: `Fault(.failed)` naming the path when it cannot be read or written, or the copy is not sound.
  package static func make(from source: String, to target: String) throws -> StoreCopy {
    try reporting("copy \(source)") {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(30)
      let database = try DatabaseQueue(path: source, configuration: configuration)
      let copy = try DatabaseQueue(path: target)
      try database.backup(to: copy)
      // What lies beside it goes with the last who has it open; a file that is read alone must need nothing else.
      try copy.writeWithoutTransaction { try $0.execute(sql: "PRAGMA journal_mode = DELETE") }
      try copy.close()
      try database.close()
      return try StoreCopy(reading: target)
    }
  }

  /// Reads what the database at `path` is, and checks that it is sound.
  ///
  /// - Throws: `Fault(.unsupported)` when a newer version made it, `Fault(.failed)` when it is no sound database.
  package init(reading path: String) throws {
    self = try reporting("read \(path)") {
      var configuration = Configuration()
      configuration.readonly = true
      // It may be a stranger's.
      configuration.prepareDatabase { try $0.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON") }
      return try DatabaseQueue(path: path, configuration: configuration).read { try StoreCopy($0, path) }
    }
  }

  private init(_ database: Database, _ path: String) throws {
    let findings = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
    guard findings == ["ok"] else {
      throw Fault(
        .failed, operation: "read \(path)", reason: "SQLite finds: \(findings.joined(separator: "; ").prefix(200))",
        remedy: "use an older backup")
    }
    try Schema.requireKnown(database, path)
    schema = try Schema.steps(database)
    agents = try Row.fetchAll(database, sql: "SELECT tenant, name, uid FROM agent WHERE wish <> 'destroy' ORDER BY uid")
      .map { row in
        let text: (String) -> String = { String.fromDatabaseValue(row[$0] as DatabaseValue) ?? "" }
        guard let tenant = TenantName(text("tenant")), let name = AgentName(text("name")),
          let uid = AgentUID(text("uid"))
        else { throw Damage(column: "tenant, name or uid") }
        return Agent(id: AgentID(tenant: tenant, name: name), uid: uid)
      }
  }
}

private func reporting<Value>(_ operation: String, _ body: () throws -> Value) throws -> Value {
  do { return try body() } catch let error as DatabaseError {
    throw Fault(
      .failed, operation: operation, reason: "SQLite refused with code \(error.extendedResultCode.rawValue)",
      remedy: "check the disk, and that the file is the store of an instance", cause: error)
  }
}
