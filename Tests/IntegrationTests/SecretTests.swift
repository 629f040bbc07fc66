import APIModel
import AgentModel
import ChildProcess
import Faults
import Foundation
import Glibc
import Supervision
import TestSupport
import Testing

@Suite("Secrets", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct SecretTests {
  private static func document(_ name: String, _ platform: TestPlatform, secrets: [String]) -> String {
    """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: \(name)}
    spec:
      image: \(platform.image)
      command: [sh, -c, "trap 'exit 0' TERM; sleep 36000 & wait"]
      secrets: [\(secrets.map { "{name: \($0)}" }.joined(separator: ", "))]
    """
  }

  private func create(_ name: String, _ platform: TestPlatform, secrets: [String]) async throws -> TestPlatform.Outcome
  {
    let file = "\(platform.directory)/\(name).yaml"
    try Self.document(name, platform, secrets: secrets).write(toFile: file, atomically: true, encoding: .utf8)
    return try await platform.run("agent", "create", "-f", file, "--wait", timeout: .seconds(150))
  }

  @Test("are files of one agent, change while it runs, and are destroyed with it") func files() async throws {
    try await withPlatform { platform in
      let refused = try await create("bot", platform, secrets: ["crm-token"])
      #expect(refused.code == 1 && refused.error.contains("has a secret 'crm-token'"))
      try await platform.run("secret", "set", "crm-token", "--agent", "bot", input: "first\n").ok()
      try await platform.run("secret", "set", "crm-token", "--agent", "other", input: "another's\n").ok()
      try await platform.run("secret", "set", "shared", input: "line one\nline two \u{1F980}\n\n").ok()
      try await create("bot", platform, secrets: ["crm-token", "shared"]).ok()
      func read(_ name: String) async throws -> String {
        try await platform.exec("bot", "cat", "/vault/secrets/\(name)").ok().output
      }
      #expect(try await read("crm-token") == "first")
      #expect(try await read("shared") == "line one\nline two \u{1F980}\n")
      let listing = try await platform.exec("bot", "ls", "-ln", "/vault/secrets").ok().output
      #expect(listing.split(separator: "\n").filter { $0.hasPrefix("-r--------") && $0.contains("10001") }.count == 2)
      #expect(try await platform.exec("bot", "sh", "-c", "echo x > /vault/secrets/new").code != 0)

      try await platform.run("secret", "rotate", "crm-token", "--agent", "bot", input: "second").ok()
      #expect(try await read("crm-token") == "second")
      try await platform.run("secret", "set", "crm-token", "--agent", "other", input: "third").ok()
      #expect(try await read("crm-token") == "second")
      #expect(try await platform.run("secret", "rotate", "crm-tokn", input: "x").code == 1)
      let listed: [SecretResource] = try await platform.run("secret", "list", "-o", "json").ok().json()
      #expect(
        listed.map { "\($0.agent?.description ?? "all") \($0.name) \($0.version ?? 0)" } == [
          "all shared 1", "bot crm-token 2", "other crm-token 2",
        ])
      // By the secrets manager's own record, only what an agent reads has been read.
      #expect(listed.map { $0.lastReadAt != nil } == [true, true, false])
      let layers = try await platform.agent("bot").status.layers
      #expect(layers.filter { ["secrets", "workspace"].contains($0.layer) && $0.state == .enforced }.count == 2)

      // By the platform's, each version once.
      try await eventually("the second version is recorded") {
        let records: [AuditRecordResource] = try await platform.run(
          "audit", "list", "--agent", "default/bot", "--action", "secret.read", "-o", "json"
        ).ok().json()
        return records.map { "\($0.actor) \($0.target) \($0.details["version"] ?? "")" }.sorted() == [
          "agent:default/bot secret default/*/shared 1", "agent:default/bot secret default/bot/crm-token 1",
          "agent:default/bot secret default/bot/crm-token 2",
        ]
      }

      try await platform.run("secret", "delete", "shared").ok()
      try await eventually("the file is gone") {
        try await platform.exec("bot", "ls", "/vault/secrets").output == "crm-token\n"
      }
      try await platform.run("agent", "delete", "bot", "--wait").ok()
      let left: [SecretResource] = try await platform.run("secret", "list", "-o", "json").ok().json()
      #expect(left.map { "\($0.name) of \($0.agent?.description ?? "all")" } == ["crm-token of other"])
      let records = try await platform.run("audit", "list").ok().output
      #expect(records.contains("agent.shred") && records.contains("secret default/bot/crm-token"))
      #expect(!records.contains("second"))
    }
  }

  @Test("that are sealed away stop no agent, start none, and are back by themselves") func outage() async throws {
    try await withPlatform { platform in
      try await platform.run("secret", "set", "crm-token", input: "kept").ok()
      try await create("bot", platform, secrets: ["crm-token"]).ok()
      let vault = try platform.processID(of: "vault")
      kill(vault, SIGSTOP)
      defer { kill(vault, SIGCONT) }
      let refused = try await create("late", platform, secrets: ["crm-token"])
      #expect(refused.code != 0 && refused.error.contains("secrets manager"), "\(refused.error)")
      #expect(try await platform.exec("bot", "cat", "/vault/secrets/crm-token").ok().output == "kept")
      let status = try await platform.run("status")
      #expect(status.code == 1 && status.output.contains("vault"))
      // A control plane that starts meanwhile cannot open its store, and says so.
      kill(try platform.processID(of: "control-plane"), SIGKILL)
      try await eventually("the control plane tells why it waits", within: .seconds(40)) {
        try await platform.run("agent", "list").error.contains("waits for the secrets manager")
      }
      kill(vault, SIGKILL)
      try await platform.waitUntilReady()
      try await create("late", platform, secrets: ["crm-token"]).ok()
      #expect(try await platform.agent("bot").status.restarts == 0)
      #expect(try await platform.exec("bot", "cat", "/vault/secrets/crm-token").ok().output == "kept")
    }
  }

  @Test("are saved, restored and wrapped anew, and a client of Vault sees what the policy says") func operation()
    async throws
  {
    try await withPlatform { platform in
      try await platform.run("secret", "set", "crm-token", input: "before").ok()
      try await create("bot", platform, secrets: ["crm-token"]).ok()
      let snapshot = "\(platform.directory)/snapshot"
      try await platform.run("vault", "snapshot", snapshot).ok()
      #expect(try await platform.run("vault", "snapshot", snapshot).code == 1)
      try await platform.run("secret", "set", "crm-token", input: "after").ok()
      #expect(try await platform.run("vault", "restore", snapshot).code == 2)
      try await platform.run("vault", "restore", snapshot, "--yes").ok()
      let listed: [SecretResource] = try await platform.run("secret", "list", "-o", "json").ok().json()
      #expect(listed.map(\.version) == [1])
      #expect(try await platform.run("vault", "restore", "/etc/passwd", "--yes").error.contains("no snapshot"))

      let rotation = try await platform.run("vault", "rotate-keys", "-o", "json").ok().json(KeyRotation.self)
      #expect(rotation.rotated == 2 && rotation.rewrapped == 2 && rotation.failed.isEmpty)
      let again = try await platform.run("vault", "rotate-keys", "--rewrap-only", "-o", "json").ok()
      #expect(try again.json(KeyRotation.self).current == 2)
      try await platform.run("agent", "stop", "bot", "--wait").ok()
      try await platform.run("agent", "start", "bot", "--wait").ok()

      let report = try await platform.run("vault", "status", "-o", "json").ok().json(VaultReport.self)
      #expect(report.state == "ready" && report.drift.isEmpty && report.failureTolerance == 0)
      let hvac = try await Self.hvac(
        report.api, authority: platform.layout.vaultAuthority,
        token: try await platform.run("vault", "token").ok().output)
      #expect(hvac.secrets == "kv" && hvac.transit == "transit" && hvac.pki == "pki")
      #expect(Set(["lobstack-agent", "lobstack-control-plane", "lobstack-operator"]).isSubset(of: hvac.policies))
      #expect(hvac.policy.contains("{{identity.entity.metadata.agent_id}}"))
      #expect(hvac.keys == report.keys.map(\.name).sorted() && hvac.type == "aes256-gcm96" && hvac.period == 7_776_000)
      #expect(hvac.refused && hvac.version == report.version)
    }
  }

  private struct Seen: Decodable {
    var version, secrets, transit, pki, policy, type: String
    var policies, keys: [String]
    var period: Int
    var refused: Bool
  }

  private static let here = URL(filePath: #filePath).deletingLastPathComponent().path
  private static let environment = PythonEnvironment("hvac", requirements: "\(here)/requirements.txt")

  private static func hvac(_ address: String, authority: String, token: String) async throws -> Seen {
    let output = try await Command(
      try await environment.python(),
      ["\(here)/hvac_client.py", address, authority, "lobstack/tenant/default/crm-token"]
    ).check(input: Array(token.utf8), timeout: .seconds(60))
    return try JSONDecoder().decode(Seen.self, from: Data(output.utf8))
  }

  @Test("refuse what is no name and no value, and are whole when many set them at once") func badInput() async throws {
    try await withPlatform { platform in
      for name in ["../x", "a*", "+", "ä", "", "A", "a/b", String(repeating: "a", count: 64)] {
        #expect(try await platform.run("secret", "set", name, input: "x").code == 2, "\(name)")
      }
      let empty = try await platform.run("secret", "set", "key", input: "")
      #expect(empty.code == 1 && empty.error.contains("standard input is empty"))
      let long = try await platform.run("secret", "set", "key", input: String(repeating: "x", count: 4 << 20))
      #expect(long.code == 1 && long.error.contains("more than 65536 bytes"))
      try await platform.run("secret", "set", "key", input: String(repeating: "x", count: 64 << 10)).ok()
      try await withThrowingTaskGroup(of: Void.self) { group in
        for number in 0..<8 {
          group.addTask { try await platform.run("secret", "set", "many", input: "value \(number)").ok() }
        }
        try await group.waitForAll()
      }
      let listed: [SecretResource] = try await platform.run("secret", "list", "-o", "json").ok().json()
      #expect(listed.map { "\($0.name) \($0.version ?? 0)" } == ["key 1", "many 8"])
      for component in ["node", "control-plane", "vault", "proxy", "supervisor"] {
        let log =
          (try? String(contentsOfFile: "\(platform.layout.logDirectory)/\(component).log", encoding: .utf8)) ?? ""
        #expect(!log.contains("value 3"), "\(component)")
      }
    }
  }
}
