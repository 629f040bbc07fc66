import APIModel
import AgentModel
import AuditLog
import ChildProcess
import Foundation
import Storage
import Supervision
import Testing

@Suite("The archive of a platform's audit log", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(5)))
struct AuditArchiveTests {
  @Test("takes the oldest records while it runs, and verifies with the log on a machine without it")
  func archive() async throws {
    try await withPlatform(started: false) { platform in
      let (archive, witness) = ("\(platform.directory)/archive", "\(platform.directory)/witness.jsonl")
      try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: false)
      let user = try #require(getpwnam("lobstack")).pointee
      try Data().write(to: URL(filePath: witness))
      #expect(chown(witness, user.pw_uid, user.pw_gid) == 0)
      let options = ["--audit-witness", "file:\(witness)"]
      try await platform.up(options)
      try await platform.create("demo")
      for number in 0..<3 { try await platform.run("token", "create", "early-\(number)", "--role", "viewer").ok() }
      // Moments between records, so that what is cut depends on no machine's speed.
      let early = APIJSON.text(Date())
      try await platform.run("token", "create", "between", "--role", "viewer").ok()
      let late = APIJSON.text(Date())

      // Others write meanwhile.
      async let busy: Void = {
        for number in 0..<10 { try await platform.run("token", "create", "busy-\(number)", "--role", "viewer").ok() }
      }()
      let printed = try await platform.run("audit", "archive", "--before", early, archive).ok().output
      try await busy
      let name = try #require(try FileManager.default.contentsOfDirectory(atPath: archive).first)
      #expect(printed.contains("\(archive)/\(name)") && name.hasPrefix("records-0-"))
      let first = try #require(UInt64(name.dropFirst("records-0-".count))) + 1
      try await platform.run("audit", "archive", "--before", late, archive).ok()
      #expect(try FileManager.default.contentsOfDirectory(atPath: archive).count == 2)

      let records = try await platform.run("audit", "list", "-o", "json", "--action", "audit.archive").ok()
      #expect(records.error.contains("archived and not searched"))
      let told = try records.json([AuditRecordResource].self)
      #expect(told.map(\.outcome) == ["allowed", "archived", "allowed", "archived"])
      #expect(told.first?.details["segment"] == "\(archive)/\(name)")
      let shown = try await platform.run("audit", "show", "0")
      #expect(shown.code != 0 && shown.error.contains("in the segment \(name)"), "\(shown)")
      let proved = try await platform.run("audit", "prove", "\(first - 1)")
      #expect(proved.code != 0 && proved.error.contains("in the segment \(name)"), "\(proved)")
      let exported = try await platform.run("audit", "export", "--offline", "\(archive)/\(name)").ok().output
      #expect(exported.split(separator: "\n").count == Int(first) && exported.contains("platform.start"))
      let last = try #require(told.last)
      try await platform.run("audit", "prove", "\(last.index)").ok()
      // The record of its creation is archived, and the agent is none the worse.
      let agent = try await platform.run("agent", "get", "demo", "-o", "json").ok().json(AgentResource.self)
      let layer = agent.status.layers.first { $0.layer == "audit" }
      #expect(
        layer?.state == .enforced && layer?.evidence.contains("archived in") == true, "\(String(describing: layer))")
      let report = try await platform.run("report", "soc2", "-o", "json")
      #expect(report.output.contains("logBegins") && report.output.contains("are archived"))

      try await platform.down()
      // The log that goes on from the segments starts, and extends all that its witness kept.
      try await platform.up(options)
      try await platform.down()

      // What an auditor is given, as nobody, without network and platform.
      let copy = "\(platform.directory)/copy"
      try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
      for file in ["records.log", "checkpoint", "key.pub"] {
        try FileManager.default.copyItem(atPath: "\(platform.layout.auditDirectory)/\(file)", toPath: "\(copy)/\(file)")
      }
      try await Command("chmod", ["-R", "a+rX", copy, archive]).check()
      let key = try String(contentsOfFile: "\(copy)/key.pub", encoding: .utf8)
        .trimmingCharacters(in: .whitespacesAndNewlines)
      func verify(_ directory: String, _ more: [String]) async throws -> (code: Int32, found: AuditVerification) {
        let result = try await Command(
          "unshare",
          [
            "--net", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all",
            "--no-new-privs", TestPlatform.binary, "audit", "verify", "--offline", directory, "--key", key, "-o",
            "json",
          ] + more, environment: ["PATH": "/usr/bin:/bin", "LOBSTACK_STATE_DIR": "/nonexistent"]
        ).run(timeout: .seconds(60))
        return (result.status.code, try APIJSON.decode(AuditVerification.self, from: Array(result.standardOutput.utf8)))
      }
      let good = try await verify(copy, ["--segment", archive, "--witness", witness])
      #expect(good.code == 0 && good.found.ok && good.found.segments?.verified.count == 2)
      #expect(good.found.witnesses.map { $0.checkpoints > 2 && $0.uncompared == nil } == true)
      let alone = try await verify(copy, ["--witness", witness])
      #expect(alone.code == 1 && alone.found.first == good.found.first && alone.found.witnesses?.uncompared ?? 0 > 0)
      #expect(alone.found.firstBad?.file == .leaves)
      let leaves = "\(platform.layout.auditDirectory)/leaves"
      try FileManager.default.copyItem(atPath: leaves, toPath: "\(copy)/leaves")
      try await Command("chmod", ["a+r", "\(copy)/leaves"]).check()
      let hashed = try await verify(copy, ["--witness", witness])
      #expect(hashed.code == 0 && hashed.found.witnesses?.uncompared == nil)
      #expect(try await verify("\(archive)/\(name)", []).found.size == first)

      let file = URL(filePath: "\(archive)/\(name)/records.log")
      var bytes = try Data(contentsOf: file)
      bytes[try #require(bytes.range(of: Data("platform.start".utf8))).lowerBound] ^= 1
      try bytes.write(to: file)
      let changed = try await verify(copy, ["--segment", archive])
      #expect(changed.code == 1 && changed.found.firstBad?.segment == "\(archive)/\(name)")
      try FileManager.default.removeItem(atPath: "\(archive)/\(name)")
      let missing = try await verify(copy, ["--segment", archive])
      #expect(missing.code == 1 && missing.found.firstBad?.reason.contains("\(name) is missing") == true)
    }
  }

  @Test("keeps no backup from being made, and what was restored goes on from the segments") func backedUp() async throws
  {
    try await withPlatform { platform in
      let (archive, identity) = ("\(platform.directory)/archive", "\(platform.directory)/identity")
      let file = "\(platform.directory)/backup.age"
      try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: false)
      try await Command("age-keygen", ["-o", identity]).check()
      let recipient = try await Command("age-keygen", ["-y", identity]).check()
        .trimmingCharacters(in: .whitespacesAndNewlines)
      try await platform.run("audit", "archive", "--before", "0s", archive).ok()
      let tampering = try await platform.run("verify", "--only", "AUD-2", timeout: .seconds(120))
      #expect(tampering.code == 0, "\(tampering)")
      try await platform.run("backup", "--recipient", recipient, file, timeout: .seconds(120)).ok()
      try await platform.purge()
      try await platform.run("restore", file, "--identity", identity, timeout: .seconds(180)).ok()
      try await platform.up()
      let found = try await platform.run("audit", "verify", "--segment", archive, "-o", "json").ok()
        .json(AuditVerification.self)
      #expect(found.ok && found.segments?.verified.count == 1)
      let restored = try await platform.run("audit", "list", "--action", "backup.restore", "-o", "json").ok()
      #expect(try restored.json([AuditRecordResource].self).count == 1)
      try await platform.run("audit", "archive", "--before", "0s", archive).ok()
    }
  }

  @Test("is asked for by root alone, of a platform that runs") func refused() async throws {
    try await withPlatform { platform in
      let archive = "\(platform.directory)/archive"
      let nowhere = try await platform.run("audit", "archive", "--before", "1s", archive)
      #expect(nowhere.code != 0 && nowhere.error.contains("name a directory that is there"))
      try FileManager.default.createDirectory(atPath: archive, withIntermediateDirectories: false)
      let nothing = try await platform.run("audit", "archive", "--before", "1d", archive).ok()
      #expect(nothing.output.contains("nothing to archive"))
      let ever = try await platform.run("audit", "archive", "--before", "200000d", archive).ok()
      #expect(ever.output.contains("nothing to archive"))
      #expect(chmod(archive, 0o777) == 0)
      let shared = try await platform.run("audit", "archive", "--before", "0s", archive)
      #expect(shared.code != 0 && shared.error.contains("chmod go-w"), "\(shared)")
      #expect(chmod(archive, 0o700) == 0)
      try await platform.down()
      #expect(try await platform.run("audit", "archive", "--before", "0s", archive).code != 0)
      #expect(try FileManager.default.contentsOfDirectory(atPath: archive).isEmpty)
    }
  }
}
