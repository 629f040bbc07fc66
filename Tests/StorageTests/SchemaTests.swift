import APIModel
import AgentModel
import Faults
import Foundation
import GRDB
import Testing

@testable import Storage

@Suite("The store's schema") struct SchemaTests {
  private static let steps = Schema.migrator(testKey).migrations
  private static let tables = ["agent", "counter", "token", "denial", "answer", "alert", "verification"]
  private static let listed = #""secrets":[{"name":"first"},{"name":"second"}]"#
  private static let hash = [UInt8](repeating: 7, count: 32)

  private func with(_ body: (String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-schema-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body(directory)
  }

  /// A store with a row of everything.
  private func fill(_ path: String) async throws -> StoredAgent {
    let store = try await Store.open(path: path, key: testKey)
    var spec = AgentSpec(image: try #require(ImageReference("dir:/srv/image")))
    spec.env = ["API_KEY": "value"]
    spec.secrets = [try #require(SecretName("first")), try #require(SecretName("second"))]
    let agent = StoredAgent(
      agent: Agent(id: try #require(AgentID("acme/bot")), labels: ["team": "x"], spec: spec), uid: .random(),
      createdAt: .now, creator: "root@unix", auditIndex: 17)
    let stored = try await store.create(agent)
    let token = TokenResource(
      id: "t1", name: "ci", role: .operator, tenant: TenantName("acme"),
      createdAt: Date(timeIntervalSince1970: 5), expiresAt: nil, lastUsedAt: nil)
    try await store.insert(token, hash: Self.hash)
    let denial = DenialResource(
      time: Date(timeIntervalSince1970: 6), agent: stored.id, rule: "egress", protocol: "tcp", source: "10.0.0.2",
      destination: "192.0.2.1", port: 25, count: 1)
    try await store.append([denial])
    _ = try await store.record([
      AlertResource(
        id: "a1", time: Date(timeIntervalSince1970: 7), rule: "Shell", priority: "Warning", source: "syscall",
        agent: stored.id, container: "c", hostname: "h", output: "a shell", outputFields: [:], tags: [],
        response: "alert", responseState: .done)
    ])
    let summary = try APIJSON.decode(
      VerificationResource.Summary.self, from: #"{"proven":1,"failed":0,"notTestable":0,"waived":0}"#.utf8)
    try await store.append(
      VerificationResource(
        id: "v1", tier: "quick", startedAt: Date(timeIntervalSince1970: 8), durationMs: 1, version: "0",
        summary: summary, sha256: "", auditIndex: 3, report: "{}"))
    try store.close()
    return stored
  }

  /// The same rows as the program of an earlier step kept them.
  private func make(_ path: String, at step: String, from source: String) throws {
    let database = try DatabaseQueue(path: path)
    try Schema.migrator(testKey).migrate(database, upTo: step)
    try database.writeWithoutTransaction { db in
      // Before the other has the same tables.
      let tables = try Self.tables.filter { try db.tableExists($0) }
      try db.execute(sql: "ATTACH ? AS source", arguments: [source])
      for table in tables {
        let columns = try db.columns(in: table, in: "main").map { "\"\($0.name)\"" }.joined(separator: ", ")
        try db.execute(sql: "INSERT OR REPLACE INTO main.\(table) (\(columns)) SELECT \(columns) FROM source.\(table)")
      }
      if !tables.contains("alert") { try db.execute(sql: "DELETE FROM main.counter WHERE name = 'alert'") }
      let row = try #require(try Row.fetchOne(db, sql: "SELECT uid, spec FROM main.agent"))
      let (uid, sealed) = (row["uid"] as String, row["spec"] as Data)
      var spec = try testKey.open(sealed, for: StoredAgent.place(ofSpec: uid))
      if step != Self.steps.last {
        spec.replace(Self.listed, with: #""secrets":["first","second"]"#)
        try db.execute(
          sql: "UPDATE main.agent SET spec = ?",
          arguments: [try testKey.seal(spec, for: StoredAgent.place(ofSpec: uid))])
      }
      guard try !Schema.migrator(testKey).completedMigrations(db).contains(Schema.sealing) else { return }
      try db.execute(sql: "UPDATE main.agent SET spec = ?", arguments: [spec])
      try db.execute(sql: "UPDATE main.token SET hash = ?", arguments: [Data(Self.hash)])
    }
    try database.close()
  }

  @Test("comes from every earlier step to the newest, and loses nothing", arguments: steps) func migrates(step: String)
    async throws
  {
    try await with { directory in
      let stored = try await fill("\(directory)/newest.sqlite")
      try make("\(directory)/old.sqlite", at: step, from: "\(directory)/newest.sqlite")
      let store = try await Store.open(path: "\(directory)/old.sqlite", key: testKey)
      #expect(try await store.agent(stored.id) == stored)
      #expect(try await store.agents(search: "/srv/image", limit: 9) == [stored])
      #expect(try await store.token(hash: Self.hash)?.name == "ci")
      #expect(try await store.denials(limit: 9).map(\.denial.port) == [25])
      // What a step did not have yet begins empty, and works.
      let number = try #require(Self.steps.firstIndex(of: step)) + 1
      #expect(try await store.alerts(limit: 9).count == (number >= 4 ? 1 : 0))
      #expect(try await store.verifications(limit: 9).count == (number >= 5 ? 1 : 0))
      #expect(try await store.update(stored.id, operation: "stop") { $0.wish = .stop }.generation == 2)
      try store.close()
      #expect(try StoreCopy(reading: "\(directory)/old.sqlite").schema == Self.steps)
      let database = try DatabaseQueue(path: "\(directory)/old.sqlite")
      let sealed = try await database.read { try Data.fetchOne($0, sql: "SELECT spec FROM agent") }
      try database.close()
      let spec = try testKey.open(try #require(sealed), for: StoredAgent.place(ofSpec: "\(stored.uid)"))
      #expect(spec.contains(Self.listed))
    }
  }

  @Test("of a newer program is refused, and stays as it is") func newer() async throws {
    try await with { directory in
      let path = "\(directory)/s.sqlite"
      _ = try await fill(path)
      let database = try DatabaseQueue(path: path)
      try await database.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('99 of tomorrow')") }
      try database.close()
      let fault = await #expect(throws: Fault.self) { try await Store.open(path: path, key: testKey) }
      #expect(fault?.code == .unsupported && fault?.remedy == "run that version or a later one")
      #expect(throws: Fault.self) { try StoreCopy(reading: path) }
    }
  }

  @Test("is copied while it is written, without the key, in one file that is sound") func copies() async throws {
    try await with { directory in
      let path = "\(directory)/s.sqlite"
      let stored = try await fill(path)
      let store = try await Store.open(path: path, key: testKey)
      let copy = try StoreCopy.make(from: path, to: "\(directory)/copy.sqlite")
      #expect(copy.agents == [StoreCopy.Agent(id: stored.id, uid: stored.uid)] && copy.schema == Self.steps)
      #expect(!FileManager.default.fileExists(atPath: "\(directory)/copy.sqlite-wal"))
      _ = try await store.update(stored.id, operation: "stop") { $0.wish = .stop }
      try store.close()
      let again = try await Store.open(path: "\(directory)/copy.sqlite", key: testKey)
      #expect(try await again.agent(stored.id) == stored)
      try again.close()
    }
  }
}
