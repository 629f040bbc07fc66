import APIModel
import AgentModel
import AuditLog
import Foundation
import Storage
import Testing

@Suite("The audit log of a platform", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(3)))
struct AuditTests {
  @Test("holds every decision, proves itself, and names the record in which a byte was flipped")
  func tampering() async throws {
    try await withPlatform { platform in
      try await platform.create("demo")
      try await platform.exec("demo", "id").ok()
      try await platform.run("agent", "delete", "demo", "--wait").ok()

      let records = try await platform.run("audit", "list", "-o", "json").ok().json([AuditRecordResource].self)
      let actions = records.map(\.action)
      for action in ["agent.create", "agent.delete"] { #expect(actions.contains(action)) }
      #expect(records.filter { $0.action == "agent.exec" }.map(\.outcome) == ["allowed", "exited 0"])
      #expect(records.map(\.index) == Array(0..<UInt64(records.count)))

      #expect(try await platform.run("audit", "verify", "-o", "json").ok().json(AuditVerification.self).ok)
      let created = try #require(records.first { $0.action == "agent.create" })
      try await platform.run("audit", "prove", "\(created.index)").ok()
      try await platform.run(
        "audit", "prove", "\(created.index)", "--directory", platform.layout.auditDirectory
      ).ok()

      // What root does beside the API.
      try await platform.run("vault", "snapshot", "\(platform.directory)/snapshot").ok()
      #expect(try await platform.run("vault", "restore", "--yes", "\(platform.directory)/image/none").code == 1)
      let beside = try await platform.run("audit", "list", "--action", "vault.*", "-o", "json").ok()
        .json([AuditRecordResource].self)
      #expect(beside.map { "\($0.actor) \($0.action) \($0.outcome)" } == ["root@unix vault.snapshot allowed"])
      let files = try await platform.run("audit", "list", "--action", "policy.files", "-o", "json").ok()
        .json([AuditRecordResource].self)
      #expect(files.first?.details["falco"]?.utf8.count == 64)

      // What the log proves against a checkpoint that was kept elsewhere, also after it has grown.
      let kept = "\(platform.directory)/checkpoint"
      try Data(await platform.run("audit", "checkpoint").ok().output.utf8).write(to: URL(filePath: kept))
      try await platform.create("later")
      try await platform.run("audit", "verify", "--checkpoint", kept).ok()
      let other = try await platform.run("audit", "prove", "\(created.index)", "--key", "other+00000000+AAAA")
      #expect(other.code == 1)

      let copy = "\(platform.directory)/audit"
      try FileManager.default.copyItem(atPath: platform.layout.auditDirectory, toPath: copy)
      let file = URL(filePath: "\(copy)/records.log")
      var bytes = try Data(contentsOf: file)
      let place = try #require(bytes.range(of: Data("agent.create".utf8))).lowerBound
      bytes[place] ^= 1
      try bytes.write(to: file)
      let outcome = try await platform.run("audit", "verify", "--directory", copy, "-o", "json")
      #expect(outcome.code == 1)
      let verification = try outcome.json(AuditVerification.self)
      #expect(!verification.ok)
      #expect(verification.firstBad?.index == created.index)
      #expect(try await platform.run("audit", "verify", "--directory", copy).output.contains("record \(created.index)"))

      // A log that was written anew is whole by itself.
      try FileManager.default.removeItem(atPath: copy)
      let fresh = try await AuditFile.open(directory: copy, origin: nil)
      _ = try await fresh.append(AuditRecord(time: 1, actor: "a", action: "b", target: "c", outcome: "d"))
      try await fresh.close()
      try await platform.run("audit", "verify", "--directory", copy).ok()
      #expect(try await platform.run("audit", "verify", "--directory", copy, "--checkpoint", kept).code == 1)
    }
  }
}
