import AgentModel
import Faults
import Foundation
import SecretStore
import Testing

@Suite("The sealed secrets") struct SealedSecretsTests {
  private func withStore(_ body: (String, SealedSecrets) throws -> Void) throws {
    let directory = "\(NSTemporaryDirectory())lobstack-secrets-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    try body(directory, try SealedSecrets.open(directory: directory))
  }

  private func reference(_ text: String) throws -> SecretReference {
    let parts = text.split(separator: "/").map(String.init)
    return SecretReference(
      tenant: try #require(TenantName(parts[0])), agent: parts[1] == "*" ? nil : try #require(AgentName(parts[1])),
      name: try #require(SecretName(parts[2])))
  }

  @Test("give an agent its own before its tenant's, and nothing of others") func scopes() throws {
    try withStore { _, secrets in
      let (bot, other) = (try #require(AgentID("acme/bot")), try #require(AgentID("acme/other")))
      let key = try #require(SecretName("key"))
      try secrets.set(try reference("acme/*/key"), to: SecretValue("tenant".utf8), at: .now)
      try secrets.set(try reference("acme/bot/key"), to: SecretValue("own".utf8), at: .now)
      #expect(try secrets.value(of: key, for: bot)?.value == SecretValue("own".utf8))
      #expect(try secrets.value(of: key, for: other)?.value == SecretValue("tenant".utf8))
      #expect(try secrets.value(of: key, for: try #require(AgentID("evil/bot"))) == nil)
      #expect(try secrets.list().map { "\($0.reference)" } == ["acme/*/key", "acme/bot/key"])
      #expect(try secrets.delete(try reference("acme/bot/key")))
      #expect(try !secrets.delete(try reference("acme/bot/key")))
      #expect(try secrets.value(of: key, for: bot)?.value == SecretValue("tenant".utf8))
    }
  }

  @Test("count versions, and are there again after a restart") func versions() throws {
    try withStore { directory, secrets in
      let reference = try reference("acme/*/key")
      for text in ["one", "two"] { try secrets.set(reference, to: SecretValue(text.utf8), at: .now) }
      let again = try SealedSecrets.open(directory: directory)
      #expect(try again.list().map(\.version) == [2])
      let bot = try #require(AgentID("acme/bot"))
      #expect(try again.value(of: reference.name, for: bot)?.value == SecretValue("two".utf8))
    }
  }

  @Test("hold no value and no key in the open") func sealed() throws {
    try withStore { directory, secrets in
      try secrets.set(try reference("acme/*/key"), to: SecretValue("canary-4711".utf8), at: .now)
      for file in try FileManager.default.contentsOfDirectory(atPath: directory) {
        let data = try #require(FileManager.default.contents(atPath: "\(directory)/\(file)"))
        #expect(data.range(of: Data("canary-4711".utf8)) == nil)
        let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(file)")
        #expect((attributes[.posixPermissions] as? Int ?? 0o777) & 0o077 == 0)
      }
    }
  }

  @Test("do not open in another's place, damaged, or under another key") func bound() throws {
    try withStore { directory, secrets in
      try secrets.set(try reference("acme/*/key"), to: SecretValue("value".utf8), at: .now)
      let files = FileManager.default
      let (own, moved) = ("\(directory)/acme__key.sealed", "\(directory)/evil__key.sealed")
      try files.copyItem(atPath: own, toPath: moved)
      let key = try #require(SecretName("key"))
      #expect(throws: Fault.self) { try secrets.value(of: key, for: try #require(AgentID("evil/bot"))) }
      try files.removeItem(atPath: moved)
      var bytes = try #require(files.contents(atPath: own))
      bytes[bytes.count / 2] ^= 1
      try bytes.write(to: URL(filePath: own))
      #expect(throws: Fault.self) { try secrets.value(of: key, for: try #require(AgentID("acme/bot"))) }
      try files.removeItem(atPath: "\(directory)/key")
      let fault = try #require(throws: Fault.self) { try SealedSecrets.open(directory: directory) }
      #expect(fault.reason.contains("the key is gone"))
    }
  }

  @Test("refuse a key that others can read, or that is too short") func badKey() throws {
    try withStore { directory, _ in
      let path = "\(directory)/key"
      chmod(path, 0o444)
      #expect(throws: Fault.self) { try SealedSecrets.open(directory: directory) }
      chmod(path, 0o600)
      try Data([1, 2, 3]).write(to: URL(filePath: path))
      chmod(path, 0o400)
      #expect(throws: Fault.self) { try SealedSecrets.open(directory: directory) }
    }
  }
}
