import AgentModel
import Faults
import FoundationEssentials
import GRDB

/// Names one request of one principal, so that its repetition is known.
package struct IdempotencyKey: Hashable, Sendable {
  /// How long a repetition gets the first answer.
  package static let lifetime = Duration.seconds(24 * 3600)

  package var principal: String
  package var key: String
  /// Digest of the request: the same key with another request is an error.
  package var fingerprint: [UInt8]

  package init(principal: String, key: String, fingerprint: [UInt8]) {
    self.principal = principal
    self.key = key
    self.fingerprint = fingerprint
  }
}

extension Store {
  /// Stores a new agent.
  ///
  /// - Returns: the agent stored, or the one that an earlier request with the same idempotency key made.
  /// - Throws: `Fault(.alreadyExists)` when the tenant has an agent of that name, `.conflict` when the key was used for
  ///   another request.
  package func create(_ agent: StoredAgent, key: IdempotencyKey? = nil) async throws -> StoredAgent {
    let operation = "create agent \(agent.id)"
    return try await write(operation) { db in
      if let key, let earlier = try self.answer(to: key, operation, db) { return earlier }
      if let other = try self.find(agent.id, db) {
        throw Fault(
          .alreadyExists, operation: operation,
          reason: other.wish == .destroy
            ? "an agent of that name is being deleted" : "the tenant has an agent of that name",
          remedy: other.wish == .destroy ? "wait until it is gone" : "choose another name, or change the agent with PUT"
        )
      }
      try agent.insert(into: db, key: self.key)
      if let key {
        try db.execute(
          sql: "INSERT OR REPLACE INTO answer (principal, key, fingerprint, uid, createdAt) VALUES (?, ?, ?, ?, ?)",
          arguments: [
            key.principal, key.key, Data(key.fingerprint), agent.uid.description, agent.createdAt.storedMilliseconds,
          ])
      }
      try Self.raiseRevision(db)
      return agent
    }
  }

  /// The agent that an earlier request with this key made; `nil` for a new key, or when that agent is gone.
  package func answer(to key: IdempotencyKey) async throws -> StoredAgent? {
    let operation = "look up an idempotency key"
    return try await write(operation) { try self.answer(to: key, operation, $0) }
  }

  package func agent(_ id: AgentID) async throws -> StoredAgent? {
    try await read("read agent \(id)") { try self.find(id, $0) }
  }

  /// How long it is known whose life an agent's was that is gone: what is told of it late, as alerts are, is still his.
  private static let memory = Duration.seconds(24 * 3600)

  /// Whose these lives are or, until a day ago, were.
  package func agentIDs(of uids: Set<AgentUID>) async throws -> [AgentUID: AgentID] {
    try await read("look up \(uids.count) agents") { db in
      var ids: [AgentUID: AgentID] = [:]
      for uid in uids {
        let row = try Row.fetchOne(
          db,
          sql: """
            SELECT tenant, name FROM agent WHERE uid = ?1
            UNION ALL SELECT tenant, name FROM formerAgent WHERE uid = ?1
            """, arguments: [uid.description])
        guard let row else { continue }
        guard let tenant = String.fromDatabaseValue(row["tenant"]).flatMap({ TenantName($0) }),
          let name = String.fromDatabaseValue(row["name"]).flatMap({ AgentName($0) })
        else { throw Damage(column: "tenant or name") }
        ids[uid] = AgentID(tenant: tenant, name: name)
      }
      return ids
    }
  }

  /// Agents in the order of tenant and name. A page costs the same wherever in the list it stands.
  ///
  /// - Parameters:
  ///   - search: only those with this in `tenant/name`, the image or a label's `key=value`, in any case.
  ///   - isWanted: only those of which it is so; it is asked of one after the other until there are enough.
  package func agents(
    tenant: TenantName? = nil, after: AgentID? = nil, search: String? = nil, limit: Int,
    where isWanted: @escaping @Sendable (AgentUID) -> Bool = { _ in true }
  ) async throws -> [StoredAgent] {
    let (sql, arguments) = Self.listing(tenant: tenant, after: after, search: search)
    return try await read("list agents") { db in
      let rows = try Row.fetchCursor(db, sql: sql, arguments: arguments)
      var agents: [StoredAgent] = []
      while agents.count < limit, let row = try rows.next() {
        guard let uid = String.fromDatabaseValue(row["uid"]).flatMap(AgentUID.init) else { throw Damage(column: "uid") }
        if isWanted(uid) { agents.append(try StoredAgent(row: row, key: self.key)) }
      }
      return agents
    }
  }

  static func listing(
    tenant: TenantName?, after: AgentID?, search: String?
  ) -> (sql: String, arguments: StatementArguments) {
    let condition = Condition(tenant: tenant, after: after, search: search?.lowercased())
    return ("SELECT * FROM agent \(condition.sql) ORDER BY tenant, name", condition.arguments)
  }

  /// The agents that are wished for, one way or another, without what they are.
  package func agentUIDs() async throws -> [AgentUID] {
    try await read("count the agents") { db in
      try String.fetchAll(db, sql: "SELECT uid FROM agent").map { text in
        guard let uid = AgentUID(text) else { throw Damage(column: "uid") }
        return uid
      }
    }
  }

  /// Everything that is wished for, with its revision, from one moment.
  package func desiredAgents() async throws -> (revision: Int64, agents: [StoredAgent]) {
    try await read("read the desired state") { db in
      let revision = try Int64.fetchOne(db, sql: "SELECT value FROM counter WHERE name = 'revision'") ?? 0
      return (
        revision,
        try Row.fetchAll(db, sql: "SELECT * FROM agent ORDER BY uid").map { try StoredAgent(row: $0, key: self.key) }
      )
    }
  }

  /// Changes an agent in one transaction; generation and revision rise when `change` changed something.
  ///
  /// - Parameters:
  ///   - generation: refuse with `Fault(.conflict)` unless the agent still has this generation.
  ///   - always: raise the generation though nothing changed: the same wish once more.
  package func update(
    _ id: AgentID, ifGeneration generation: Int64? = nil, operation: String, always: Bool = false,
    _ change: @escaping @Sendable (inout StoredAgent) throws -> Void
  ) async throws -> StoredAgent {
    try await write(operation) { db in
      guard let before = try self.find(id, db) else {
        throw Fault(
          .notFound, operation: operation, reason: "there is no such agent",
          remedy: "list them with 'lobstack agent list'")
      }
      if let generation, generation != before.generation {
        throw Fault(
          .conflict, operation: operation, reason: "the agent has generation \(before.generation), not \(generation)",
          remedy: "read it again and repeat the change")
      }
      var after = before
      try change(&after)
      guard always || after != before else { return before }
      after.generation = before.generation + 1
      if always || after.needsAnotherSandbox(than: before) { after.sandboxGeneration = after.generation }
      try after.update(in: db, key: self.key)
      try Self.raiseRevision(db)
      return after
    }
  }

  /// Forgets an agent that the node has destroyed.
  ///
  /// - Parameter time: the present.
  package func remove(_ uid: AgentUID, at time: Date = .now) async throws {
    try await write("forget agent \(uid)") { db in
      try db.execute(
        sql: "DELETE FROM formerAgent WHERE removedAt < ?",
        arguments: [time.storedMilliseconds - Self.memory.components.seconds * 1000])
      try db.execute(
        sql: "INSERT INTO formerAgent SELECT uid, tenant, name, ? FROM agent WHERE uid = ?",
        arguments: [time.storedMilliseconds, uid.description])
      try db.execute(sql: "DELETE FROM agent WHERE uid = ?", arguments: [uid.description])
      if db.changesCount > 0 { try Self.raiseRevision(db) }
    }
  }

  /// Notes that the audit log tells of this phase; not a change of the agent.
  package func setRecordedPhase(_ phase: String, of uid: AgentUID) async throws {
    try await write("note the phase of agent \(uid)") { db in
      try db.execute(
        sql: "UPDATE agent SET recordedPhase = ? WHERE uid = ?", arguments: [phase, uid.description])
    }
  }

  private func find(_ id: AgentID, _ db: Database) throws -> StoredAgent? {
    try Row.fetchOne(
      db, sql: "SELECT * FROM agent WHERE tenant = ? AND name = ?",
      arguments: [id.tenant.description, id.name.description]
    ).map { try StoredAgent(row: $0, key: self.key) }
  }

  private func answer(to key: IdempotencyKey, _ operation: String, _ db: Database) throws -> StoredAgent? {
    let oldest = Date.now.storedMilliseconds - IdempotencyKey.lifetime.components.seconds * 1000
    try db.execute(sql: "DELETE FROM answer WHERE createdAt < ?", arguments: [oldest])
    guard
      let row = try Row.fetchOne(
        db, sql: "SELECT fingerprint, uid FROM answer WHERE principal = ? AND key = ?",
        arguments: [key.principal, key.key])
    else { return nil }
    guard Data.fromDatabaseValue(row["fingerprint"]) == Data(key.fingerprint) else {
      throw Fault(
        .conflict, operation: operation, reason: "the idempotency key was used for another request",
        remedy: "use a new key for each new request")
    }
    let uid = String.fromDatabaseValue(row["uid"])
    return try Row.fetchOne(db, sql: "SELECT * FROM agent WHERE uid = ?", arguments: [uid])
      .map { try StoredAgent(row: $0, key: self.key) }
  }

  private static func raiseRevision(_ db: Database) throws {
    try db.execute(sql: "UPDATE counter SET value = value + 1 WHERE name = 'revision'")
  }
}
