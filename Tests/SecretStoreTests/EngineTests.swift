import AgentModel
import CertificateAuthority
import ChildProcess
import Faults
import Foundation
import Glibc
import SecretStore
import TestSupport
import Testing

@Suite("The engines of a real OpenBao", .serialized, .withVault) struct EngineTests {
  @Test("keep every value as it was, with versions that a writer can check") func values() async throws {
    try await VaultWorld.with { world in
      let one = try #require(AgentID("acme/one"))
      let vault = try await world.agent(one)
      let keeper = KeyValue(world.asControlPlane)
      let values: [SecretValue] = [
        SecretValue("line\nbreak\r\n\"quoted\" \\u0041 \u{1F980} {{x}} ${y}".utf8), SecretValue([0, 0xff, 0xc3, 0x28]),
        SecretValue([UInt8](repeating: 0x61, count: 64 << 10)), SecretValue([]),
      ]
      for (index, value) in values.enumerated() {
        let path = "lobstack/agent/acme.one/value-\(index)"
        #expect(try await keeper.write(path, value) == 1)
        #expect(try await KeyValue(vault).read(path)?.value == value)
      }
      let path = "lobstack/agent/acme.one/value-0"
      #expect(try await keeper.write(path, values[1], ifCurrent: 1) == 2)
      await #expect { try await keeper.write(path, values[2], ifCurrent: 1) } throws: {
        ($0 as? Fault)?.code == .conflict
      }
      #expect(try await KeyValue(vault).read(path)?.version == 2)
      #expect(try await KeyValue(vault).read(path, version: 1)?.value == values[0])
      try await keeper.delete(path)
      #expect(try await KeyValue(vault).read(path) == nil)
      #expect(try await keeper.metadata(path)?.deletedTime.isEmpty == false)
      #expect(try await keeper.list("lobstack/agent/acme.one").count == values.count)
      try await keeper.destroy(path)
      #expect(try await keeper.metadata(path) == nil)
      // Too large for the store: refused whole, and the server goes on.
      await #expect(throws: Fault.self) {
        try await keeper.write(path, SecretValue([UInt8](repeating: 0x61, count: 4 << 20)))
      }
      #expect(try await keeper.metadata(path) == nil)
    }
  }

  @Test("refuse names that a server would clean, decode or take as a pattern") func names() async throws {
    try await VaultWorld.with { world in
      let keeper = KeyValue(world.asControlPlane)
      for name in ["../x", "a/../b", "a*", "+", "a b", "%2e%2e", "ä", "", "a//b", "a?list=true", "a#b", "a\nb"] {
        await #expect("\(name)") {
          _ = try await keeper.write("lobstack/agent/\(name)", SecretValue("x".utf8))
        } throws: {
          ($0 as? Fault)?.code == .invalid
        }
      }
    }
  }

  @Test("encrypt, rewrap after a rotation, sign, in batches past the server's limit") func transit() async throws {
    try await VaultWorld.with { world in
      let uid = AgentUID.random()
      let vault = try await world.agent(try #require(AgentID("acme/one")), uid: uid)
      let (own, kept) = try await Transit(world.asControlPlane).dataKey("agent-data")
      #expect(own.bytes.count == 32 && kept.hasPrefix("vault:v1:"))
      let data = SecretValue([UInt8](repeating: 7, count: 32))
      let wrapped = try await Transit(vault).encrypt([data], key: uid.volumeKeyName)[0]
      #expect(wrapped.hasPrefix("vault:v1:"))
      try await Transit(world.asOperator).rotate(uid.volumeKeyName)
      let again = try await Transit(vault).rewrap([wrapped], key: uid.volumeKeyName)
      #expect(again[0].hasPrefix("vault:v2:"))
      #expect(try await Transit(vault).decrypt([wrapped, again[0]], key: uid.volumeKeyName) == [data, data])
      await #expect(throws: Fault.self) { try await Transit(vault).decrypt(["vault:v1:AAAA"], key: uid.volumeKeyName) }
      let key = try #require(try await Transit(world.asControlPlane).key(uid.volumeKeyName))
      #expect(key.type == "aes256-gcm96" && key.rotationPeriod == 90 * 86_400 && !key.isExportable)

      // Past the limit of one request.
      let many = Array(repeating: wrapped, count: Transit.longestBatch + 150)
      #expect(
        try await Transit(vault).decrypt(many, key: uid.volumeKeyName) == Array(repeating: data, count: many.count))

      let (signature, version) = try await Transit(world.asControlPlane).sign(Array("checkpoint".utf8), key: "audit")
      let signer = try #require(try await Transit(world.asControlPlane).key("audit"))
      #expect(signature.count == 64 && signer.type == "ed25519" && signer.publicKeys["\(version)"] != nil)
    }
  }

  @Test("answer over TLS to whoever is told who vouches for them, and to nobody else") func tls() async throws {
    try await VaultWorld.with { world in
      let told = VaultClient(address: try VaultAddress(urls: world.apiAddress, roots: world.authorityPEM))
      #expect(try await told.health().isReady)
      try await told.shutdown()
      // A node that is down costs a try, no more.
      let several = VaultClient(
        address: try VaultAddress(urls: "https://127.0.0.1:1,\(world.apiAddress)", roots: world.authorityPEM))
      #expect(try await several.health().isReady)
      try await several.shutdown()
      let stranger = VaultClient(address: try VaultAddress(urls: world.apiAddress), patience: .zero)
      await #expect { _ = try await stranger.health() } throws: { ($0 as? Fault)?.reason.contains("trusted") == true }
      try await stranger.shutdown()
    }
  }

  @Test("refuse who has another time, and say that it may be the clock") func clock() async throws {
    try await VaultWorld.with { world in
      let id = try #require(AgentID("acme/late"))
      _ = try await world.agent(id)
      for shift in [-300.0, 300] {
        let token = try world.authority.issueJWTSVID(
          for: .agent(id, in: world.domain), audience: ["openbao"], at: Date(timeIntervalSinceNow: shift))
        await #expect {
          _ = try await Vault.logIn(world.client, jwt: token.secretToken, role: "agent", mount: "jwt")
        } throws: {
          let fault = $0 as? Fault
          return fault?.code == .unauthenticated && fault?.remedy.contains("clocks agree") == true
        }
      }
    }
  }

  @Test(
    "refuse everything while neither audit log can be written, lose nothing, and go on by themselves",
    .enabled(if: geteuid() == 0)) func fullAuditDisk() async throws
  {
    try await VaultWorld.start(sealsItself: true, auditRoom: "8m") { world in
      let (store, path) = (KeyValue(world.asControlPlane), "lobstack/tenant/acme/key")
      #expect(try await store.write(path, SecretValue("first".utf8)) == 1)
      let junk = "\(world.auditDirectory)/junk"
      #expect(FileManager.default.createFile(atPath: junk, contents: nil))
      let file = try #require(FileHandle(forWritingAtPath: junk))
      // To the last byte; what does not fit any more fails.
      while (try? file.write(contentsOf: Data(repeating: 0, count: 64))) != nil {}
      try file.close()
      await #expect {
        // The pages of the log that it has begun hold a few more.
        for _ in 0..<200 { try await store.write(path, SecretValue("lost?".utf8), ifCurrent: 1) }
      } throws: {
        let fault = $0 as? Fault
        return fault?.code == .failed && fault?.remedy.contains("audit log") == true
          || fault?.code == .conflict
      }
      await #expect {
        for _ in 0..<200 { _ = try await store.metadata(path) }
      } throws: {
        ($0 as? Fault)?.remedy.contains("audit log") == true
      }
      try FileManager.default.removeItem(atPath: junk)
      let now = try #require(try await store.metadata(path)).currentVersion
      #expect(try await store.write(path, SecretValue("after".utf8), ifCurrent: now) == now + 1)
    }
  }

  @Test("know the newer of two states of the store, in whatever order they come") func order() async throws {
    func index(_ cluster: String, _ value: Int) throws -> VaultIndex {
      let json = Data(#"{"cluster":"\#(cluster)","value":\#(value)}"#.utf8).base64EncodedString()
      return try JSONDecoder().decode(VaultIndex.self, from: Data(#"{"text":"\#(json)"}"#.utf8))
    }
    let client = VaultClient(address: VaultAddress(socket: "/nowhere"))
    for (cluster, value, newest) in [("a", 5, 5), ("a", 9, 9), ("a", 7, 9), ("b", 1, 1)] {
      client.see(try index(cluster, value))
      #expect(client.index == (try index(cluster, newest)))
    }
    // HashiCorp Vault's, which nobody reads.
    let other = try JSONDecoder().decode(VaultIndex.self, from: Data(#"{"text":"v1:abc"}"#.utf8))
    client.see(other)
    #expect(client.index == other)
    try await client.shutdown()
  }

  @Test("give what is wrapped once") func wrapping() async throws {
    struct Policy: Decodable, Sendable { var policy: String }
    try await VaultWorld.with { world in
      let token = try await world.asOperator.wrap(
        reading: "sys/policies/acl/lobstack-agent", for: .seconds(60))
      let first: Policy = try await Vault.unwrap(token, at: world.client)
      #expect(first.policy.contains("identity.entity.metadata.agent_id"))
      await #expect(throws: Fault.self) {
        let _: Policy = try await Vault.unwrap(token, at: world.client)
      }
    }
  }

  @Test("keep neither a value nor a token in what is printed") func printing() async throws {
    try await VaultWorld.with { world in
      let vault = try await world.agent(try #require(AgentID("acme/one")))
      let login = try await world.logIn(try #require(AgentID("acme/one")))
      var text = "\(login) \(vault) \(login.token) \(String(reflecting: login))"
      dump(login, to: &text)
      dump(vault, to: &text)
      #expect(!text.contains(login.token.secret) && !login.token.secret.isEmpty)
      do {
        _ = try await KeyValue(vault).read("lobstack/agent/acme.two/token")
      } catch {
        #expect(!"\(error)".contains(login.token.secret))
      }
    }
  }

  @Test("say nothing of the values on disk and in the audit log") func atRest() async throws {
    try await VaultWorld.with { world in
      let canary = "canary-\(UInt64.random(in: .min ... .max))-value"
      try await KeyValue(world.asControlPlane).write("lobstack/agent/acme.one/token", SecretValue(canary.utf8))
      let vault = try await world.agent(try #require(AgentID("acme/one")))
      #expect(try await KeyValue(vault).read("lobstack/agent/acme.one/token")?.value == SecretValue(canary.utf8))
      let found = try await Command("grep", ["-rlaF", canary, world.directory]).run()
      #expect(found.standardOutput.isEmpty)
      // The search finds what is there: the path stands in the audit log.
      let control = try await Command("grep", ["-rlaF", "lobstack/agent/acme.one/token", world.directory]).run()
      #expect(control.standardOutput.contains("audit/1.jsonl") && control.standardOutput.contains("audit/2.jsonl"))
    }
  }
}
