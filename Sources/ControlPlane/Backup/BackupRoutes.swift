import APIModel
import Faults
import Foundation
import Hummingbird

extension API {
  func addBackupRoutes(to router: Router<APIContext>) {
    router.post("/v1/backups", use: recordBackup)
  }

  /// Records that a backup is about to be made, or was made: what cannot be recorded, `lobstack backup` does not make.
  @Sendable private func recordBackup(_ request: Request, _ context: APIContext) async throws -> Response {
    let principal = try context.principal
    try await access.requireRoot(principal, operation: "record a backup")
    let note = try await json(BackupNote.self, of: request)
    try note.check()
    let index = try await audit.require(note.event(by: principal.name))
    return try jsonResponse(BackupReceipt(auditIndex: index), status: .created)
  }
}

extension BackupNote {
  private static let mostRecipients = 64

  /// - Throws: `Fault(.invalid)` naming what no backup has.
  func check() throws {
    func invalid(_ reason: String) -> Fault {
      Fault(.invalid, operation: "record a backup", reason: reason, remedy: "make backups with 'lobstack backup'")
    }
    guard UUID(uuidString: id) != nil else { throw invalid("its id is no UUID") }
    guard (1...Self.mostRecipients).contains(recipients.count),
      recipients.allSatisfy({ (1...256).contains($0.utf8.count) })
    else { throw invalid("it has not 1 to \(Self.mostRecipients) recipients of at most 256 bytes") }
    guard workspaces ?? 0 >= 0, size ?? 0 >= 0 else { throw invalid("a number of it is negative") }
    let digits = Set("0123456789abcdef")
    guard sha256?.count ?? 64 == 64, sha256?.allSatisfy(digits.contains) ?? true else {
      throw invalid("its sha256 is not 64 hexadecimal digits")
    }
    guard stage != .made || (sha256 != nil && size != nil) else {
      throw invalid("it was made, and has no sha256 and size")
    }
  }

  func event(by actor: String) -> AuditEvent {
    var details = ["recipients": recipients.joined(separator: " ")]
    details["workspaces"] = workspaces.map { "\($0)" }
    details["sha256"] = sha256
    details["bytes"] = size.map { "\($0)" }
    let outcome =
      switch stage {
      case .begun: "allowed"
      case .made: "made"
      case .failed: "failed"
      }
    return AuditEvent(actor: actor, action: "backup.create", target: "backup \(id)", outcome: outcome, details: details)
  }
}
