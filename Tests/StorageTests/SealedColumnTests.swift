import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Storage
import Testing

@Suite("The store's sensitive columns") struct SealedColumnTests {
  private func with(_ body: (String) async throws -> Void) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-sealed-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try await body(directory)
  }

  private func agent(_ name: String, secret: String) throws -> StoredAgent {
    var spec = AgentSpec(image: try #require(ImageReference("dir:/srv/image")))
    spec.env = ["API_KEY": secret]
    return StoredAgent(
      agent: Agent(id: try #require(AgentID("acme/\(name)")), spec: spec), uid: .random(), createdAt: .now,
      creator: "root", auditIndex: 1)
  }

  @Test("show nothing of an agent's environment and of tokens in any file") func hidden() async throws {
    try await with { directory in
      let canary = "canary-\(UInt64.random(in: .min ... .max))"
      let hash = [UInt8]("a hash of 32 bytes, as it is here".utf8)
      let store = try await Store.open(path: "\(directory)/s.sqlite", key: testKey)
      let stored = try await store.create(try agent("bot", secret: canary))
      try await store.insert(
        TokenResource(
          id: "t", name: "t", role: .admin, tenant: nil, createdAt: .now, expiresAt: nil, lastUsedAt: nil), hash: hash)
      for round in 0..<20 {
        _ = try await store.update(stored.id, operation: "test") { $0.agent.spec.env["ROUND"] = "\(canary)-\(round)" }
      }
      #expect(try await store.agent(stored.id)?.agent.spec.env["API_KEY"] == canary)
      #expect(try await store.token(hash: hash)?.id == "t")
      #expect(try await store.token(hash: hash.reversed()) == nil)
      for text in [canary, String(decoding: hash, as: UTF8.self)] {
        #expect(try await Command("grep", ["-rlaF", text, directory]).run().standardOutput.isEmpty)
      }
      // The search finds what is not sealed.
      #expect(try await Command("grep", ["-rlaF", "acme", directory]).run().standardOutput.contains("s.sqlite"))
      try store.close()
    }
  }

  @Test("open by their key alone") func otherKey() async throws {
    try await with { directory in
      let path = "\(directory)/s.sqlite"
      let store = try await Store.open(path: path, key: testKey)
      _ = try await store.create(try agent("bot", secret: "x"))
      try store.close()
      let other = StoreKey(SecretValue([UInt8](repeating: 8, count: 32)))
      await #expect { _ = try await Store.open(path: path, key: other) } throws: { ($0 as? Fault)?.code == .invalid }
      let again = try await Store.open(path: path, key: testKey)
      #expect(try await again.desiredAgents().agents.count == 1)
      try again.close()
    }
  }

  @Test("cannot be put into another agent's row") func moved() async throws {
    try await with { directory in
      let path = "\(directory)/s.sqlite"
      let store = try await Store.open(path: path, key: testKey)
      let (one, two) = (try agent("one", secret: "x"), try agent("two", secret: "y"))
      for agent in [one, two] { _ = try await store.create(agent) }
      try store.close()
      try await Command(
        "python3",
        [
          "-c",
          """
          import sqlite3, sys
          db = sqlite3.connect(sys.argv[1])
          db.execute("UPDATE agent SET spec = (SELECT spec FROM agent WHERE uid = ?) WHERE uid = ?", sys.argv[2:4])
          db.commit()
          """, path, "\(one.uid)", "\(two.uid)",
        ]
      ).check()
      await #expect(throws: (any Error).self) {
        let again = try await Store.open(path: path, key: testKey)
        _ = try await again.agent(two.id)
      }
    }
  }

  @Test("of a version that sealed nothing are sealed at the next start") func migrated() async throws {
    try await with { directory in
      let path = "\(directory)/s.sqlite"
      let store = try await Store.open(path: path, key: testKey)
      let stored = try await store.create(try agent("bot", secret: "x"))
      try store.close()
      let spec = try JSONEncoder().encode(try agent("bot", secret: "plain-canary").agent.spec)
      try await Command(
        "python3",
        [
          "-c",
          """
          import sqlite3, sys
          db = sqlite3.connect(sys.argv[1])
          db.execute("UPDATE agent SET spec = ?", [sys.argv[2]])
          db.execute("DELETE FROM grdb_migrations WHERE identifier LIKE '3 %'")
          db.commit()
          """, path, String(decoding: spec, as: UTF8.self),
        ]
      ).check()
      let again = try await Store.open(path: path, key: testKey)
      #expect(try await again.agent(stored.id)?.agent.spec.env == ["API_KEY": "plain-canary"])
      try again.close()
      #expect(try await Command("grep", ["-laF", "plain-canary", path]).run().standardOutput.isEmpty)
    }
  }
}
