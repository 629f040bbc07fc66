import AgentModel
import CertificateAuthority
import Faults
import Foundation
import SecretStore
import TestSupport
import Testing

/// SEC-1 by the secrets manager's own word: each question is asked with an agent's own token.
@Suite("An agent at the secrets manager", .serialized, .withVault) struct AgentIsolationTests {
  private func reference(_ agent: AgentID?, _ name: String, tenant: String = "acme") throws -> SecretReference {
    SecretReference(
      tenant: try #require(TenantName(tenant)), agent: agent?.name, name: try #require(SecretName(name)))
  }

  private func expectDenied(_ body: () async throws -> Void, _ place: SourceLocation = #_sourceLocation) async {
    do {
      try await body()
      Issue.record("it was allowed", sourceLocation: place)
    } catch let fault as Fault {
      #expect(fault.code == .denied, "\(fault)", sourceLocation: place)
    } catch {
      Issue.record(error, sourceLocation: place)
    }
  }

  @Test("reads its own secrets and its tenant's, and nothing else") func reads() async throws {
    try await VaultWorld.with { world in
      let (one, two) = (try #require(AgentID("acme/one")), try #require(AgentID("acme/two")))
      let stranger = try #require(AgentID("other/one"))
      let keeper = KeyValue(world.asControlPlane)
      try await keeper.write(try reference(one, "token").path, SecretValue("of one".utf8))
      try await keeper.write(try reference(two, "token").path, SecretValue("of two".utf8))
      try await keeper.write(try reference(nil, "shared").path, SecretValue("of acme".utf8))
      let vaults = [
        one: try await world.agent(one), two: try await world.agent(two), stranger: try await world.agent(stranger),
      ]
      let own = KeyValue(try #require(vaults[one]))
      #expect(try await own.read(reference(one, "token").path)?.value == SecretValue("of one".utf8))
      #expect(try await own.read(reference(nil, "shared").path)?.value == SecretValue("of acme".utf8))
      #expect(try await own.read(reference(one, "missing").path) == nil)
      #expect(
        try await KeyValue(#require(vaults[two])).read(reference(two, "token").path)?.value
          == SecretValue("of two".utf8))
      let (theirs, mine) = (try reference(two, "token").path, try reference(one, "token").path)
      await expectDenied { _ = try await own.read(theirs) }
      await expectDenied { _ = try await own.metadata(theirs) }
      await expectDenied { _ = try await own.metadata(mine) }
      await expectDenied { _ = try await own.list("lobstack/agent/acme.one") }
      await expectDenied { _ = try await own.list("lobstack/agent") }
      await expectDenied { _ = try await own.list("lobstack/tenant/acme") }
      await expectDenied { try await own.write(mine, SecretValue("mine now".utf8)) }
      await expectDenied { try await own.write(theirs, SecretValue("mine now".utf8)) }
      await expectDenied { try await own.delete(mine) }
      await expectDenied { try await own.destroy(mine) }
      let foreign = KeyValue(try #require(vaults[stranger]))
      let shared = try reference(nil, "shared").path
      await expectDenied { _ = try await foreign.read(shared) }
      await expectDenied { _ = try await foreign.read(mine) }
      // Who keeps the secrets cannot read them either.
      await expectDenied { _ = try await keeper.read(mine) }
      await expectDenied { _ = try await KeyValue(world.asOperator).read(mine) }
    }
  }

  @Test("cannot change who it is, nor reach another's key") func identity() async throws {
    try await VaultWorld.with { world in
      let (one, two) = (try #require(AgentID("acme/one")), try #require(AgentID("acme/two")))
      let (uid, other) = (AgentUID.random(), AgentUID.random())
      let vault = try await world.agent(one, uid: uid)
      _ = try await world.agent(two, uid: other)
      let key = SecretValue([UInt8](repeating: 7, count: 32))
      let wrapped = try await Transit(vault).encrypt([key], key: uid.volumeKeyName)[0]
      #expect(try await Transit(vault).decrypt([wrapped], key: uid.volumeKeyName) == [key])
      await expectDenied { _ = try await Transit(vault).decrypt([wrapped], key: other.volumeKeyName) }
      await expectDenied { _ = try await Transit(vault).encrypt([key], key: other.volumeKeyName) }
      await expectDenied { _ = try await Transit(vault).dataKey(other.volumeKeyName) }
      await expectDenied { _ = try await Transit(vault).dataKey("agent-data") }
      await expectDenied { try await Transit(vault).destroyKey(other.volumeKeyName) }
      await expectDenied {
        try await Entities(vault).set(one.entityName, metadata: ["agent_id": "acme.two"], isDisabled: false)
      }
      await expectDenied { _ = try await Entities(vault).entity(two.entityName) }
      // The control plane makes and destroys these keys, and opens nothing with them.
      await expectDenied { _ = try await Transit(world.asControlPlane).decrypt([wrapped], key: uid.volumeKeyName) }
    }
  }

  @Test("is out at once when it is disabled, and back when it is enabled") func disabled() async throws {
    try await VaultWorld.with { world in
      let (one, uid) = (try #require(AgentID("acme/one")), AgentUID.random())
      let path = try reference(one, "token").path
      try await KeyValue(world.asControlPlane).write(path, SecretValue("x".utf8))
      let vault = try await world.agent(one, uid: uid)
      #expect(try await KeyValue(vault).read(path) != nil)
      let agents = VaultAgents(world.asControlPlane, domain: world.domain)
      try await agents.disable(one, uid: uid)
      await expectDenied { _ = try await KeyValue(vault).read(path) }
      await #expect(throws: Fault.self) { try await world.logIn(one) }
      try await agents.enable(one, uid: uid)
      #expect(try await KeyValue(vault).read(path) != nil)
    }
  }

  @Test("has one entity and one name however often it is enabled, and a key for each uid") func again() async throws {
    try await VaultWorld.with { world in
      let (one, uid, other) = (try #require(AgentID("acme/one")), AgentUID.random(), AgentUID.random())
      let agents = VaultAgents(world.asControlPlane, domain: world.domain)
      let entities = Entities(world.asControlPlane)
      try await agents.enable(one, uid: uid)
      let first = try #require(try await entities.entity(one.entityName))
      #expect(first.aliases.map(\.name) == [SPIFFEID.agent(one, in: world.domain).description])
      try await agents.enable(one, uid: uid)
      #expect(try await entities.entity(one.entityName) == first)
      try await agents.enable(one, uid: other)
      let second = try #require(try await entities.entity(one.entityName))
      #expect(second.id == first.id && second.aliases == first.aliases && second.metadata["uid"] == "\(other)")
      #expect(try await Transit(world.asControlPlane).key(other.volumeKeyName) != nil)
    }
  }

  @Test("leaves nothing that can be read when it is destroyed") func destroyed() async throws {
    try await VaultWorld.with { world in
      let (one, uid) = (try #require(AgentID("acme/one")), AgentUID.random())
      let path = try reference(one, "token").path
      let keeper = KeyValue(world.asControlPlane)
      try await keeper.write(path, SecretValue("first".utf8))
      try await keeper.write(path, SecretValue("second".utf8))
      let vault = try await world.agent(one, uid: uid)
      let wrapped = try await Transit(vault).encrypt([SecretValue("key".utf8)], key: uid.volumeKeyName)[0]
      let agents = VaultAgents(world.asControlPlane, domain: world.domain)
      #expect(try await agents.destroy(one, uid: uid).map(\.description) == ["token"])
      #expect(try await keeper.metadata(path) == nil)
      #expect(try await Transit(world.asControlPlane).key(uid.volumeKeyName) == nil)
      await expectDenied { _ = try await KeyValue(vault).read(path) }
      // The next of that name has neither its secrets nor its key.
      let next = try await world.agent(one)
      #expect(try await KeyValue(next).read(path) == nil)
      await expectDenied { _ = try await Transit(next).decrypt([wrapped], key: uid.volumeKeyName) }
      #expect(try await agents.destroy(one, uid: uid).isEmpty)
    }
  }

  @Test("is not let in by a token that is late, for others, or not signed by the authority") func logins() async throws
  {
    try await VaultWorld.with { world in
      let one = try #require(AgentID("acme/one"))
      _ = try await world.agent(one)
      let id = SPIFFEID.agent(one, in: world.domain)
      func token(_ audience: String = "openbao", at time: Date = .now, life: Duration = .seconds(30)) throws -> String {
        try world.authority.issueJWTSVID(for: id, audience: [audience], at: time, life: life).secretToken
      }
      let good = try token()
      #expect(try await Vault.logIn(world.client, jwt: good, role: "agent", mount: "jwt").lease == 3600)
      var changed = Array(good.utf8)
      changed[changed.count / 2] ^= 1
      let refused = [
        try token(at: .now - 33), try token("vault"), try token(at: .now + 300),
        String(decoding: changed, as: UTF8.self),
        good + "x", "",
      ]
      for jwt in refused {
        await #expect("\(jwt.prefix(10))") {
          _ = try await Vault.logIn(world.client, jwt: jwt, role: "agent", mount: "jwt")
        } throws: {
          ($0 as? Fault)?.code == .unauthenticated
        }
      }
      let service = try world.authority.issueJWTSVID(
        for: .service(.controlPlane, in: world.domain), audience: ["openbao"], at: .now)
      for (role, mount) in [("agent", "jwt"), ("control-plane", "platform"), ("operator", "operator")] {
        await #expect(throws: Fault.self) {
          _ = try await Vault.logIn(world.client, jwt: service.secretToken, role: role, mount: mount)
        }
      }
    }
  }
}
