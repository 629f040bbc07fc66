import APIModel
import Faults
import Foundation
import HTTPTypes
import HummingbirdTesting
import Testing

@testable import ControlPlane

@Suite("The control plane, told of a backup") struct BackupTests {
  private static let id = "6f1b1f6e-1f3a-4a57-9d1a-000000000001"
  private static let digest = String(repeating: "a1", count: 32)

  private static func body(_ note: BackupNote) throws -> String {
    String(decoding: try APIJSON.encode(note), as: UTF8.self)
  }

  @Test("records that it is begun, and with its digest that it is made") func recorded() async throws {
    try await Platform.with { platform in
      try await platform.test { caller in
        for note in [
          BackupNote(id: Self.id, stage: .begun, recipients: ["age1x", "age1y"]),
          BackupNote(
            id: Self.id, stage: .made, recipients: ["age1x", "age1y"], workspaces: 2, sha256: Self.digest, size: 9),
        ] {
          let answer = try await caller.send(.post, "/v1/backups", body: try Self.body(note))
          #expect(answer.status == .created)
          _ = try decode(BackupReceipt.self, answer)
        }
      }
      let events = await platform.audit.events.filter { $0.action == "backup.create" }
      #expect(events.map(\.outcome) == ["allowed", "made"])
      #expect(events.map(\.target) == Array(repeating: "backup \(Self.id)", count: 2))
      let details = events.map { $0.details.filter { $0.key != "request" } }
      #expect(details.first == ["recipients": "age1x age1y"])
      #expect(
        details.last == [
          "recipients": "age1x age1y", "workspaces": "2", "sha256": Self.digest, "bytes": "9",
        ])
    }
  }

  @Test(
    "refuses what no backup is",
    arguments: [
      BackupNote(id: "x", stage: .begun, recipients: ["age1x"]), BackupNote(id: id, stage: .begun, recipients: []),
      BackupNote(id: id, stage: .made, recipients: ["age1x"]),
      BackupNote(id: id, stage: .made, recipients: ["age1x"], sha256: "A1", size: 1),
      BackupNote(id: id, stage: .begun, recipients: [String(repeating: "x", count: 257)]),
      BackupNote(id: id, stage: .begun, recipients: ["age1x"], workspaces: -1),
    ]) func refused(note: BackupNote) async throws
  {
    try await Platform.with { platform in
      try await platform.test { caller in
        let body = try Self.body(note)
        #expect(try await caller.send(.post, "/v1/backups", body: body).status == .badRequest)
      }
      #expect(await platform.audit.events.allSatisfy { $0.action != "backup.create" })
    }
  }
}
