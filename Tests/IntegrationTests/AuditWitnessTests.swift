import APIModel
import AgentModel
import AuditLog
import ChildProcess
import Foundation
import Storage
import Supervision
import Testing

@Suite("Witnesses of a platform's audit log", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct AuditWitnessTests {
  @Test("are checked on a machine without a platform, by anybody, who reads a copy and nothing else")
  func offline() async throws {
    try await withoutPlatform { platform in
      let (log, copy) = ("\(platform.directory)/log", "\(platform.directory)/copy")
      let witness = "\(platform.directory)/witness.jsonl"
      var lines = ""
      for round in 0..<3 {
        let file = try await AuditFile.open(directory: log)
        for number in 0..<5 {
          _ = try await file.append(
            AuditRecord(time: Int64(number), actor: "a", action: "b", target: "\(round)", outcome: "allowed"))
        }
        try await file.close()
        lines += try WitnessedNote.line(await file.checkpoint(), at: .now) + "\n"
        if round == 1 { try FileManager.default.copyItem(atPath: log, toPath: "\(platform.directory)/older") }
      }
      try Data(lines.utf8).write(to: URL(filePath: witness))
      let key = try String(contentsOfFile: "\(log)/key.pub", encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)

      // What an auditor is given: not the key that signs, and nothing that may be written to.
      func handOver(_ source: String) throws {
        try? FileManager.default.removeItem(atPath: copy)  // of the round before
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
        for name in ["records.log", "checkpoint", "key.pub"] {
          try FileManager.default.copyItem(atPath: "\(source)/\(name)", toPath: "\(copy)/\(name)")
          chmod("\(copy)/\(name)", 0o444)
        }
        chmod(copy, 0o555)
      }
      // Without a network, without a home, as nobody, with a file system that cannot be written to.
      func verify() async throws -> (code: Int32, found: AuditVerification) {
        let result = try await Command(
          "unshare",
          [
            "--net", "--mount", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
            "--no-new-privs", TestPlatform.binary, "audit", "verify", "--offline", copy, "--key", key, "--witness",
            witness, "-o", "json",
          ], environment: ["PATH": "/usr/bin:/bin", "LOBSTACK_STATE_DIR": "/nonexistent"]
        ).run(timeout: .seconds(60))
        let found = try APIJSON.decode(AuditVerification.self, from: Array(result.standardOutput.utf8))
        return (result.status.code, found)
      }
      try handOver(log)
      let good = try await verify()
      #expect(good.code == 0 && good.found.ok)
      try handOver("\(platform.directory)/older")
      let older = try await verify()
      #expect(older.code == 1 && older.found.firstBad?.index == 10)
      #expect(older.found.firstBad?.reason.contains("set back to an older copy") == true)
      try FileManager.default.removeItem(atPath: log)
      let other = try await AuditFile.open(directory: log)
      _ = try await other.append(AuditRecord(time: 1, actor: "a", action: "b", target: "c", outcome: "allowed"))
      try await other.close()
      try handOver(log)
      let replaced = try await verify()
      #expect(replaced.code == 1 && replaced.found.firstBad?.file.rawValue == "key.pub")
    }
  }

  @Test("get checkpoints while it runs and when it ends, and a log that was set back does not start")
  func rollback() async throws {
    try await withPlatform(started: false) { platform in
      let witness = "\(platform.directory)/witness.jsonl"
      let user = try #require(getpwnam("lobstack")).pointee
      try Data().write(to: URL(filePath: witness))
      #expect(chown(witness, user.pw_uid, user.pw_gid) == 0)
      let options = ["--audit-witness", "file:\(witness)"]
      try await platform.up(options)
      try await eventually("the witness is ready") {
        try await platform.run("status", "-o", "json").json(PlatformStatus.self).components
          .contains { $0.name == "witness" && $0.state == "ready" }
      }
      try await platform.down()
      try await platform.run("audit", "verify", "--witness", witness).ok()
      let older = "\(platform.directory)/older"
      try FileManager.default.copyItem(atPath: platform.layout.auditDirectory, toPath: older)

      try await platform.up(options)
      try await platform.run("token", "create", "stolen", "--role", "admin").ok()
      try await platform.down()
      // Whoever has root sets the whole log back, to before what he did.
      try FileManager.default.removeItem(atPath: platform.layout.auditDirectory)
      try FileManager.default.moveItem(atPath: older, toPath: platform.layout.auditDirectory)
      try await Command("chown", ["-R", "lobstack:", platform.layout.auditDirectory]).check()
      try await platform.run("audit", "verify").ok()
      let found = try await platform.run("audit", "verify", "--witness", witness)
      #expect(found.code == 1 && found.output.contains("set back to an older copy"))

      let refused = try await platform.run(
        "up", "--detach", "--listen", "127.0.0.1:\(platform.port)", "--audit-witness", "file:\(witness)",
        timeout: .seconds(100))
      #expect(refused.code != 0)
      #expect(refused.error.contains("set back or cut short"), "\(refused)")
      // Accepted deliberately, by whoever may move the witness's file.
      try FileManager.default.moveItem(atPath: witness, toPath: witness + ".before")
      try Data().write(to: URL(filePath: witness))
      #expect(chown(witness, user.pw_uid, user.pw_gid) == 0)
      try await platform.up(options)
    }
  }
}
