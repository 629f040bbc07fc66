import APIModel
import AgentModel
import Faults
import Foundation
import Storage
import Testing

@Suite("The store") struct StoreTests {
  private func withStore(
    longestBytes: Int = Store.defaultLongestBytes, _ body: (Store, String) async throws -> Void
  ) async throws {
    let directory = NSTemporaryDirectory() + "lobstack-store-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let path = "\(directory)/test.sqlite"
    let store = try await Store.open(path: path, key: testKey, longestBytes: longestBytes)
    try await body(store, path)
    try store.close()
  }

  private func agent(_ text: String, env: [String: String] = [:]) throws -> StoredAgent {
    let spec = AgentSpec(
      image: try #require(ImageReference("oci:/srv/images/a:1")), tier: .standard, command: ["/bin/a", "b"], env: env,
      ports: ["http": 8080], restartPolicy: .onFailure)
    return StoredAgent(
      agent: Agent(id: try #require(AgentID(text)), labels: ["team": "x"], spec: spec), uid: .random(), createdAt: .now,
      creator: "root@unix", auditIndex: 17)
  }

  @Test("gives back what it was given, also after it was closed") func roundTrip() async throws {
    try await withStore { store, path in
      let stored = try await store.create(try agent("acme/bot", env: ["A": "ä\n\u{0}"]))
      #expect(try await store.agent(stored.id) == stored)
      try store.close()
      let again = try await Store.open(path: path, key: testKey)
      #expect(try await again.agent(stored.id) == stored)
      try again.close()
    }
  }

  @Test("lets one of two agents of a name in, and raises the revision once") func unique() async throws {
    try await withStore { store, _ in
      let candidates = try (0..<6).map { _ in try agent("acme/bot") }
      let won = await withTaskGroup(of: Bool.self) { group in
        for candidate in candidates {
          group.addTask {
            do {
              _ = try await store.create(candidate)
              return true
            } catch { return false }
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(won == 1)
      #expect(try await store.desiredAgents().revision == 1)
      let fault = await #expect(throws: Fault.self) { try await store.create(try agent("acme/bot")) }
      #expect(fault?.code == .alreadyExists)
      // Another tenant may use the name.
      _ = try await store.create(try agent("zeta/bot"))
    }
  }

  @Test("raises generation and revision with each change, and only then") func generations() async throws {
    try await withStore { store, _ in
      let stored = try await store.create(try agent("acme/bot"))
      let stopped = try await store.update(stored.id, operation: "stop") { $0.wish = .stop }
      #expect(stopped.generation == 2 && stopped.wish == .stop)
      let same = try await store.update(stored.id, operation: "stop") { $0.wish = .stop }
      #expect(same.generation == 2)
      #expect(try await store.desiredAgents().revision == 2)
      let stale = await #expect(throws: Fault.self) {
        try await store.update(stored.id, ifGeneration: 1, operation: "start") { $0.wish = .run }
      }
      #expect(stale?.code == .conflict)
      try await store.setRecordedPhase("Running", of: stored.uid)
      #expect(try await store.agent(stored.id)?.generation == 2)
      try await store.remove(stored.uid)
      #expect(try await store.desiredAgents().revision == 3)
      let gone = await #expect(throws: Fault.self) { try await store.update(stored.id, operation: "stop") { _ in } }
      #expect(gone?.code == .notFound)
    }
  }

  @Test("keeps nothing of a change that fails half-way") func atomic() async throws {
    try await withStore { store, _ in
      let stored = try await store.create(try agent("acme/bot"))
      await #expect(throws: Fault.self) {
        try await store.update(stored.id, operation: "change") {
          $0.wish = .destroy
          throw Fault(.invalid, operation: "change", reason: "no", remedy: "stop")
        }
      }
      #expect(try await store.agent(stored.id) == stored)
      #expect(try await store.desiredAgents().revision == 1)
    }
  }

  @Test("says so when it is full, stores nothing by halves, and still reads") func full() async throws {
    try await withStore(longestBytes: 300_000) { store, _ in
      let value = String(repeating: "x", count: 20_000)
      var created = 0
      var fault: Fault?
      while fault == nil, created < 100 {
        do {
          _ = try await store.create(try agent("acme/bot-\(created)", env: ["V": value]))
          created += 1
        } catch { fault = error as? Fault }
      }
      #expect(fault?.code == .exhausted, "\(String(describing: fault))")
      let desired = try await store.desiredAgents()
      #expect(desired.agents.count == created && desired.revision == Int64(created))
    }
  }

  @Test("repeats an answer to its key, refuses the key for anything else") func idempotency() async throws {
    try await withStore { store, _ in
      let key = IdempotencyKey(principal: "root", key: "k", fingerprint: [1])
      let first = try await store.create(try agent("acme/bot"), key: key)
      #expect(try await store.create(try agent("acme/bot"), key: key) == first)
      #expect(try await store.answer(to: key) == first)
      let other = await #expect(throws: Fault.self) {
        try await store.create(
          try agent("acme/two"), key: IdempotencyKey(principal: "root", key: "k", fingerprint: [2]))
      }
      #expect(other?.code == .conflict)
      #expect(try await store.answer(to: IdempotencyKey(principal: "x", key: "k", fingerprint: [2])) == nil)
      // The agent is gone: the key makes another.
      try await store.remove(first.uid)
      #expect(try await store.create(try agent("acme/bot"), key: key).uid != first.uid)
    }
  }

  @Test("pages agents by tenant and name") func paging() async throws {
    try await withStore { store, _ in
      for id in ["b/a", "a/b", "a/a", "c/a"] { _ = try await store.create(try agent(id)) }
      let first = try await store.agents(limit: 2)
      #expect(first.map(\.id.description) == ["a/a", "a/b"])
      let second = try await store.agents(after: first.last?.id, limit: 9)
      #expect(second.map(\.id.description) == ["b/a", "c/a"])
      #expect(try await store.agents(tenant: TenantName("a"), limit: 9).count == 2)
    }
  }

  @Test("finds a token by its hash, and never after it was revoked") func tokens() async throws {
    try await withStore { store, _ in
      let token = TokenResource(
        id: "1", name: "ci", role: .operator, tenant: TenantName("acme"),
        createdAt: Date(timeIntervalSince1970: 1), expiresAt: Date(timeIntervalSince1970: 2), lastUsedAt: nil)
      try await store.insert(token, hash: [1, 2])
      #expect(try await store.token(hash: [1, 2]) == token)
      #expect(try await store.token(hash: [1]) == nil)
      try await store.setTokenUsed("1", at: Date(timeIntervalSince1970: 3))
      #expect(try await store.tokens().first?.lastUsedAt == Date(timeIntervalSince1970: 3))
      try await store.removeToken("1")
      #expect(try await store.token(hash: [1, 2]) == nil)
      let fault = await #expect(throws: Fault.self) { try await store.removeToken("1") }
      #expect(fault?.code == .notFound)
    }
  }

  @Test("keeps the newest denials and no more") func denials() async throws {
    try await withStore { store, _ in
      let denial = DenialResource(
        time: Date(timeIntervalSince1970: 0), agent: AgentID("acme/a"), rule: "egress", protocol: "udp", source: "s",
        destination: "d", port: 53, count: 1)
      for _ in 0..<11 { try await store.append(Array(repeating: denial, count: 1_000)) }
      #expect(try await store.denials(limit: 20_000).count == Store.keptDenials)
      #expect(try await store.denials(tenant: TenantName("zeta"), limit: 9).isEmpty)
      #expect(try await store.denials(limit: 1).first?.denial == denial)
      #expect(try await store.denials(agent: denial.agent, limit: 2).count == 2)
      #expect(try await store.denials(agent: AgentID("zeta/none"), limit: 9).isEmpty)
    }
  }

  @Test("refuses a file that is no database, and a directory that is absent") func damaged() async throws {
    let path = NSTemporaryDirectory() + "lobstack-store-\(UUID().uuidString)"
    try Data("this is not a database, by far not".utf8).write(to: URL(filePath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    await #expect(throws: Fault.self) { try await Store.open(path: path, key: testKey) }
    await #expect(throws: Fault.self) { try await Store.open(path: "/nonexistent/x.sqlite", key: testKey) }
  }
}

let testKey = StoreKey(SecretValue([UInt8](repeating: 7, count: 32)))
