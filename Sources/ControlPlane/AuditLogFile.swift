import APIModel
import AuditLog
import Faults
import FoundationEssentials
import Storage

/// The audit log on disk, in the words of the API.
struct AuditLogFile: AuditAppending {
  private let file: AuditFile

  static func open(directory: String) async throws -> AuditLogFile {
    AuditLogFile(file: try await AuditFile.open(directory: directory))
  }

  func append(_ event: AuditEvent) async throws -> UInt64 {
    let nanoseconds = (Date.now.timeIntervalSince1970 * 1_000_000).rounded() * 1_000
    let record = AuditRecord(
      time: Int64(nanoseconds), actor: event.actor, action: event.action, target: event.target,
      outcome: event.outcome, details: event.details)
    return try await file.append(record).index
  }

  func page(from index: UInt64, limit: Int) async throws -> [AuditRecordResource] {
    try await file.page(from: index, limit: limit).map(AuditRecordResource.init)
  }

  func head() async throws -> PlatformStatus.AuditHead {
    let head = await file.head
    return PlatformStatus.AuditHead(size: head.size, rootHash: head.rootHash)
  }

  func checkpoint() async throws -> AuditCheckpointResource {
    let note = await file.checkpoint()
    let checkpoint = try Checkpoint(parsing: try SignedNote(parsing: note).text)
    return AuditCheckpointResource(
      size: checkpoint.size, rootHash: "\(checkpoint.root)", note: note, verifierKey: file.verifierKey)
  }

  /// The proof leads to the checkpoint's root, so that it can be checked without trust in this process.
  func proof(index: UInt64) async throws -> AuditProofResource {
    let checkpoint = try await checkpoint()
    let proof = try await file.inclusionProof(index, size: checkpoint.size)
    guard let entry = try await file.page(from: index, limit: 1).first else {
      throw Fault(
        .notFound, operation: "prove audit record \(index)", reason: "the log has no such record",
        remedy: "give a number below \(checkpoint.size)")
    }
    return AuditProofResource(
      record: AuditRecordResource(entry), recordBytes: Data(try entry.record.canonicalBytes()).base64EncodedString(),
      treeSize: proof.size, rootHash: checkpoint.rootHash, hashes: proof.hashes.map { "\($0)" },
      checkpoint: checkpoint.note, verifierKey: checkpoint.verifierKey)
  }
}

extension AuditRecordResource {
  fileprivate init(_ entry: AuditEntry) {
    self.init(
      index: entry.index, time: Date(timeIntervalSince1970: Double(entry.record.time) / 1_000_000_000),
      actor: entry.record.actor, action: entry.record.action, target: entry.record.target,
      outcome: entry.record.outcome, details: entry.record.details, leafHash: entry.leafHash)
  }
}
