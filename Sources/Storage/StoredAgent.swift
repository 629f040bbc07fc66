import APIModel
import AgentModel
import FoundationEssentials
import GRDB

/// An agent as it is wished for.
package struct StoredAgent: Hashable, Sendable {
  package enum Wish: String, Sendable, Codable {
    case run, stop, destroy
  }

  package var agent: Agent
  package let uid: AgentUID
  /// Rises with every change of the agent or of the wish.
  package var generation: Int64
  /// The last generation that changed more than what is enforced round a running sandbox.
  package var sandboxGeneration: Int64
  package var wish: Wish
  package let createdAt: Date
  package var deletedAt: Date?
  /// The principal that created it.
  package let creator: String
  /// The number of the audit record that allowed its creation.
  package let auditIndex: UInt64?
  /// The phase that the audit log last told of this agent.
  package var recordedPhase: String?

  package var id: AgentID { agent.id }

  package init(
    agent: Agent, uid: AgentUID, generation: Int64 = 1, sandboxGeneration: Int64? = nil, wish: Wish = .run,
    createdAt: Date, deletedAt: Date? = nil,
    creator: String, auditIndex: UInt64?, recordedPhase: String? = nil
  ) {
    self.agent = agent
    self.uid = uid
    self.generation = generation
    self.sandboxGeneration = sandboxGeneration ?? generation
    self.wish = wish
    self.createdAt = Date(storedMilliseconds: createdAt.storedMilliseconds)
    self.deletedAt = deletedAt.map { Date(storedMilliseconds: $0.storedMilliseconds) }
    self.creator = creator
    self.auditIndex = auditIndex
    self.recordedPhase = recordedPhase
  }
}

extension StoredAgent {
  /// The hosts that an agent may reach and the response to alerts change while it runs; with everything else that
  /// changes it starts anew.
  func needsAnotherSandbox(than before: StoredAgent) -> Bool {
    var agent = agent
    agent.spec.egress = before.agent.spec.egress
    agent.spec.response = before.agent.spec.response
    return agent != before.agent || wish != before.wish
  }

  /// Names the sealed column of one row.
  static func place(ofSpec uid: String) -> String { "the spec of agent \(uid)" }

  init(row: Row, key: StoreKey) throws {
    let text: (String) throws -> String = { column in
      guard let value = String.fromDatabaseValue(row[column] as DatabaseValue) else { throw Damage(column: column) }
      return value
    }
    let number: (String) -> Int64? = { Int64.fromDatabaseValue(row[$0] as DatabaseValue) }
    guard let tenant = TenantName(try text("tenant")), let name = AgentName(try text("name")),
      let uid = AgentUID(try text("uid")), let wish = Wish(rawValue: try text("wish")),
      let generation = number("generation"), let createdAt = number("createdAt")
    else { throw Damage(column: "tenant, name, uid, wish, generation or createdAt") }
    self.init(
      agent: Agent(
        id: AgentID(tenant: tenant, name: name),
        labels: try APIJSON.decode([String: String].self, from: try text("labels").utf8),
        spec: try APIJSON.decode(AgentSpec.self, from: try spec(of: uid, row, key).utf8)),
      uid: uid, generation: generation, sandboxGeneration: number("sandboxGeneration"), wish: wish,
      createdAt: Date(storedMilliseconds: createdAt),
      deletedAt: number("deletedAt").map(Date.init(storedMilliseconds:)), creator: try text("creator"),
      auditIndex: number("auditIndex").flatMap(UInt64.init(exactly:)),
      recordedPhase: String.fromDatabaseValue(row["recordedPhase"] as DatabaseValue))
  }

  func insert(into db: Database, key: StoreKey) throws {
    try db.execute(
      sql: """
        INSERT INTO agent (uid, tenant, name, generation, sandboxGeneration, spec, image, labels, wish, createdAt,
          deletedAt, creator, auditIndex)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        uid.description, id.tenant.description, id.name.description, generation, sandboxGeneration,
        try sealedSpec(key), "\(agent.spec.image)", try json(agent.labels), wish.rawValue,
        createdAt.storedMilliseconds, deletedAt?.storedMilliseconds, creator,
        auditIndex.flatMap(Int64.init(exactly:)),
      ])
  }

  func update(in db: Database, key: StoreKey) throws {
    try db.execute(
      sql: """
        UPDATE agent SET generation = ?, sandboxGeneration = ?, spec = ?, image = ?, labels = ?, wish = ?, deletedAt = ?
        WHERE uid = ?
        """,
      arguments: [
        generation, sandboxGeneration, try sealedSpec(key), "\(agent.spec.image)", try json(agent.labels),
        wish.rawValue,
        deletedAt?.storedMilliseconds, uid.description,
      ])
  }
}

extension StoredAgent {
  private func sealedSpec(_ key: StoreKey) throws -> Data {
    try key.seal(try json(agent.spec), for: Self.place(ofSpec: "\(uid)"))
  }
}

private func spec(of uid: AgentUID, _ row: Row, _ key: StoreKey) throws -> String {
  guard let sealed = Data.fromDatabaseValue(row["spec"] as DatabaseValue) else { throw Damage(column: "spec") }
  return try key.open(sealed, for: StoredAgent.place(ofSpec: "\(uid)"))
}

/// A row that this program cannot have written.
struct Damage: Error, CustomStringConvertible {
  let column: String
  var description: String { "column \(column) holds no such value" }
}

func json(_ value: some Encodable) throws -> String { String(decoding: try APIJSON.encode(value), as: UTF8.self) }
