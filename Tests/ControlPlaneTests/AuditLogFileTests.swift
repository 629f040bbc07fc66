import APIModel
import AgentModel
import AuditLog
import Foundation
import Logging
import Storage
import Testing

@testable import ControlPlane

@Suite("The audit log of the API") struct AuditLogFileTests {
  @Test("keeps records on the disk and proves them against a signed checkpoint") func proves() async throws {
    let directory = NSTemporaryDirectory() + "lobstack-audit-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let log = try await AuditLogFile.open(
      directory: directory, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    for number in 0..<5 {
      let event = AuditEvent(
        actor: "root@unix", action: "agent.create", target: "agent acme/bot-\(number)", outcome: "allowed",
        details: ["uid": "\(number)"])
      #expect(try await log.append(event) == UInt64(number))
    }
    let page = try await log.page(from: 3, limit: 9)
    #expect(page.map(\.index) == [3, 4])
    #expect(page[0].target == "agent acme/bot-3" && page[0].details == ["uid": "3"])
    #expect(abs(page[0].time.timeIntervalSinceNow) < 60)

    let checkpoint = try await log.checkpoint()
    let verifier = try NoteVerifier(parsing: checkpoint.verifierKey)
    let signed = try Checkpoint(verifying: checkpoint.note, with: verifier)
    #expect(signed.size == checkpoint.size && "\(signed.root)" == checkpoint.rootHash)
    #expect(try await log.head().size == 5)

    let proof = try await log.proof(index: 3)
    #expect(proof.record == page[0] && proof.treeSize == 5 && proof.rootHash == checkpoint.rootHash)
    #expect(!proof.hashes.isEmpty)
    let bytes = try #require(Data(base64Encoded: proof.recordBytes).map(Array.init))
    #expect("\(TreeHash.leaf(bytes))" == proof.record.leafHash)
    #expect(try AuditRecord(canonicalBytes: bytes).action == proof.record.action)
    #expect(try AuditFile.verify(directory: directory).ok)
  }
}
