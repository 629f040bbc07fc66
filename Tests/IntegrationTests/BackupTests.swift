import APIModel
import AgentModel
import AuditLog
import ChildProcess
import Foundation
import Storage
import Supervision
import Testing

@Suite("A backup of a platform", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(8))) struct BackupTests {
  private static let canary = "canary-\(UInt64.random(in: 1 << 60 ... .max))"

  private struct Keys {
    let identity: String
    let recipient: String

    init(_ name: String, in directory: String) async throws {
      identity = "\(directory)/\(name)"
      try await Command("age-keygen", ["-o", identity]).check()
      recipient = try await Command("age-keygen", ["-y", identity]).check().trimmingCharacters(
        in: .whitespacesAndNewlines)
    }
  }

  private func create(_ platform: TestPlatform) async throws {
    try await platform.run("secret", "set", "crm-token", input: Self.canary).ok()
    let file = "\(platform.directory)/bot.yaml"
    try """
    apiVersion: lobstack.dev/v1
    kind: Agent
    metadata: {name: bot}
    spec:
      image: \(platform.image)
      command: [sh, -c, "trap 'exit 0' TERM; sleep 36000 & wait"]
      env: {ENVIRONMENT_SECRET: "env-\(Self.canary)"}
      secrets: [{name: crm-token}]
    """.write(toFile: file, atomically: true, encoding: .utf8)
    try await platform.run(["agent", "create", "-f", file, "--wait"], timeout: .seconds(150)).ok()
  }

  private func token(_ platform: TestPlatform) async throws -> String {
    try await platform.run("token", "create", "ci", "--role", "operator", "--tenant", "default", "-o", "json").ok()
      .json(CreatedToken.self).secret
  }

  private func records(_ platform: TestPlatform) async throws -> [AuditRecordResource] {
    try await platform.run("audit", "list", "-o", "json").ok().json()
  }

  /// That nothing is left of a restore that failed.
  private func requireNothing(_ platform: TestPlatform) async throws {
    #expect(!FileManager.default.fileExists(atPath: platform.layout.root))
    #expect(try await Leftovers(platform.layout).find() == [])
  }

  @Test("that runs brings all of it back on an empty directory; one that was changed brings nothing") func running()
    async throws
  {
    try await withPlatform { platform in
      let keys = try await Keys("backup.key", in: platform.directory)
      let other = try await Keys("other.key", in: platform.directory)
      try await create(platform)
      let secret = try await token(platform)
      let checkpoint = "\(platform.directory)/checkpoint"
      try await platform.run("audit", "checkpoint").ok().output
        .write(toFile: checkpoint, atomically: true, encoding: .utf8)
      let file = "\(platform.directory)/backup.age"

      // Made while it runs: for whom is said, what is not in it too, and the audit log has its digest.
      #expect(try await platform.run("backup", file).code == 2)
      #expect(try await platform.run("backup", "--recipient", "age1bogus", file).code == 1)
      let report = try await platform.run(
        "backup", "--recipient", keys.recipient, "-o", "json", file, timeout: .seconds(120)
      ).ok().json(BackupReport.self)
      #expect(report.agents.map(\.workspace) == [false] && report.gaps.first?.contains("default/bot") == true)
      let made = try await records(platform).filter { $0.action == "backup.create" }
      #expect(made.map(\.outcome) == ["allowed", "made"])
      #expect(made.last?.details["sha256"] == report.sha256 && made.last?.details["recipients"] == keys.recipient)
      #expect(try await Command("sha256sum", [file]).check().prefix(64) == report.sha256)
      let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      #expect(
        try await platform.run("backup", "--recipient", keys.recipient, file).error.contains("there is such a file"))
      for pattern in [Self.canary, "SQLite format 3", "lobstack-audit1", "PRIVATE KEY"] {
        #expect(try await Command("grep", ["-acF", pattern, file]).run().standardOutput == "0\n")
      }
      #expect(!FileManager.default.fileExists(atPath: "\(platform.layout.root)/backup"))
      #expect(!FileManager.default.fileExists(atPath: "\(file).new"))

      // Verified without writing; not over an instance.
      let verified = try await platform.run(
        "backup", "verify", file, "--identity", keys.identity, "--sha256", report.sha256, timeout: .seconds(120)
      ).ok()
      #expect(verified.output.contains("good: backup \(report.id)"))
      let refused = try await platform.run("restore", file, "--identity", keys.identity)
      #expect(refused.code == 1 && refused.error.contains("lobstack down --purge"))
      #expect(try await platform.exec("bot", "cat", "/vault/secrets/crm-token").ok().output == Self.canary)

      try await platform.purge()
      try await requireNothing(platform)
      try await refusals(of: file, keys, other, platform)

      let restored = try await platform.run(
        "restore", file, "--identity", keys.identity, "--sha256", report.sha256, "-o", "json", timeout: .seconds(180)
      ).ok().json(RestoreReport.self)
      #expect(restored.id == report.id && restored.gaps == report.gaps)
      #expect(!FileManager.default.fileExists(atPath: "\(platform.layout.root)/restoring"))
      try await platform.up()
      try await eventually("the agent runs again", within: .seconds(90)) {
        try await platform.agent("bot").status.phase == .running
      }
      #expect(try await platform.exec("bot", "cat", "/vault/secrets/crm-token").ok().output == Self.canary)
      let environment = try await platform.exec("bot", "sh", "-c", "echo $ENVIRONMENT_SECRET").ok().output
      #expect(environment == "env-\(Self.canary)\n")
      try await platform.run(
        "agent", "list", "--address", "https://127.0.0.1:\(platform.port)", "--token", secret
      ).ok()
      try await platform.run("audit", "verify", "--checkpoint", checkpoint).ok()
      let after = try await records(platform)
      let restore = try #require(after.first { $0.action == "backup.restore" })
      // The first that the restored log tells, right behind what the backup holds of it.
      #expect(after[Int(restore.index) - 1].action == "backup.create" && restore.details["sha256"] == report.sha256)
      try await platform.waitUntilReady()
    }
  }

  private func refusals(of file: String, _ keys: Keys, _ other: Keys, _ platform: TestPlatform) async throws {
    let whole = try Data(contentsOf: URL(filePath: file))
    var flipped = whole
    flipped[whole.count / 2] ^= 1
    let bad = "\(platform.directory)/bad.age"
    for (bytes, identity) in [(flipped, keys), (whole.prefix(whole.count / 2), keys), (whole, other)] {
      try Data(bytes).write(to: URL(filePath: bad))
      let outcome = try await platform.run("restore", bad, "--identity", identity.identity, timeout: .seconds(120))
      #expect(outcome.code == 1 && outcome.error.contains("remedy: "), "\(outcome.error)")
      try await requireNothing(platform)
    }
    let digest = String(repeating: "0", count: 64)
    let wrong = try await platform.run("restore", file, "--identity", keys.identity, "--sha256", digest)
    #expect(wrong.code == 1 && wrong.error.contains("not the one that was given"))
    let elsewhere = try await platform.run(
      "restore", file, "--identity", keys.identity, "--state-dir", "\(platform.directory)/elsewhere",
      timeout: .seconds(120))
    #expect(elsewhere.code == 1 && elsewhere.error.contains("--state-dir \(platform.directory)/state"))
    #expect(!FileManager.default.fileExists(atPath: "\(platform.directory)/elsewhere"))
    try await requireNothing(platform)
  }

  @Test("that is down has the workspaces too, and what was written there is there again") func down() async throws {
    try await withPlatform { platform in
      let keys = try await Keys("backup.key", in: platform.directory)
      let recipients = "\(platform.directory)/recipients"
      try "# ours\n\(keys.recipient)\n".write(toFile: recipients, atomically: true, encoding: .utf8)
      try await create(platform)
      try await platform.exec("bot", "sh", "-c", "echo kept-\(Self.canary) > /workspace/file").ok()
      try await platform.down()
      let file = "\(platform.directory)/backup.age"
      let report = try await platform.run(
        "backup", "--recipients-file", recipients, "--with-workspaces", "-o", "json", file, timeout: .seconds(180)
      ).ok().json(BackupReport.self)
      #expect(report.agents.map(\.workspace) == [true] && report.gaps.isEmpty)
      try await platform.purge()

      // One that is cut off is no instance, is not started, and is begun anew.
      let cut = try await platform.run(
        "restore", file, "--identity", keys.identity, endingWith: SIGKILL, when: "it is at work"
      ) { FileManager.default.fileExists(atPath: "\(platform.layout.root)/restoring") }
      #expect(cut.code != 0)
      #expect(try await platform.run("up", "--detach").error.contains("a restore into"))
      try await platform.run("restore", file, "--identity", keys.identity, timeout: .seconds(180)).ok()
      try await platform.up()
      try await eventually("the agent runs again", within: .seconds(90)) {
        try await platform.agent("bot").status.phase == .running
      }
      #expect(try await platform.exec("bot", "cat", "/workspace/file").ok().output == "kept-\(Self.canary)\n")
      #expect(try await platform.exec("bot", "cat", "/vault/secrets/crm-token").ok().output == Self.canary)
      let records = try await records(platform)
      #expect(records.contains { $0.action == "backup.create" && $0.actor == "root" })
      try await platform.run("audit", "verify").ok()
    }
  }
}
