import AgentModel
import APIModel
import AgentModel
import Foundation
import Testing

@Suite("The audit log of a platform", .enabled(if: rootTests), .serialized, .timeLimit(.minutes(3)))
struct AuditTests {
  private struct Verification: Decodable {
    struct Defect: Decodable {
      var index: UInt64
      var offset: UInt64
    }
    var ok: Bool
    var size: UInt64
    var firstBad: Defect?
  }

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

      #expect(try await platform.run("audit", "verify", "-o", "json").ok().json(Verification.self).ok)
      let created = try #require(records.first { $0.action == "agent.create" })
      try await platform.run("audit", "prove", "\(created.index)").ok()
      try await platform.run(
        "audit", "prove", "\(created.index)", "--directory", platform.layout.auditDirectory
      ).ok()

      let copy = "\(platform.directory)/audit"
      try FileManager.default.copyItem(atPath: platform.layout.auditDirectory, toPath: copy)
      let file = URL(filePath: "\(copy)/records.log")
      var bytes = try Data(contentsOf: file)
      let place = try #require(bytes.range(of: Data("agent.create".utf8))).lowerBound
      bytes[place] ^= 1
      try bytes.write(to: file)
      let outcome = try await platform.run("audit", "verify", "--directory", copy, "-o", "json")
      #expect(outcome.code == 1)
      let verification = try outcome.json(Verification.self)
      #expect(!verification.ok)
      #expect(verification.firstBad?.index == created.index)
      #expect(try await platform.run("audit", "verify", "--directory", copy).output.contains("record \(created.index)"))
    }
  }
}
