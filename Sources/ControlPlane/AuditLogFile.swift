import APIModel
import AuditLog
import Faults
import FoundationEssentials
import Logging
import Storage

/// Signs checkpoints of the audit log by a key that is not kept with the log.
package protocol CheckpointSigning: Sendable {
  /// - Returns: the raw Ed25519 public key, and the signature of the text.
  func sign(checkpoint text: String) async throws -> (publicKey: [UInt8], signature: [UInt8])
}

/// The audit log on disk, in the words of the API.
struct AuditLogFile: AuditAppending {
  private let file: AuditFile
  private let cosigner: (any CheckpointSigning)?
  private let logger: Logger

  /// - Parameter cosigner: signs what is given out, beside the log itself.
  static func open(
    directory: String, cosigner: (any CheckpointSigning)? = nil, logger: Logger
  ) async throws -> AuditLogFile {
    AuditLogFile(file: try await AuditFile.open(directory: directory), cosigner: cosigner, logger: logger)
  }

  /// Lets go of the log, when all of it is on the disk.
  func close() async throws { try await file.close() }

  func append(_ event: AuditEvent) async throws -> UInt64 {
    let record = AuditRecord(
      at: .now, actor: event.actor, action: event.action, target: event.target,
      outcome: event.outcome, details: event.details)
    return try await file.append(record).index
  }

  func page(from index: UInt64, limit: Int) async throws -> [AuditRecordResource] {
    try await file.page(from: index, limit: limit).map(AuditRecordResource.init)
  }

  func head() async throws -> PlatformStatus.AuditHead {
    let head = await file.head
    return PlatformStatus.AuditHead(
      size: head.size, rootHash: head.rootHash, first: head.first > 0 ? head.first : nil)
  }

  var byteCount: UInt64 { file.byteCount }

  func archive(first size: UInt64, rootHash: String) async throws {
    try await file.archive(first: size, rootHash: rootHash)
  }

  func segment(of index: UInt64) -> String? { file.segment(of: index) }

  func checkpoint() async throws -> AuditCheckpointResource {
    let note = try SignedNote(parsing: await file.checkpoint())
    let checkpoint = try Checkpoint(parsing: note.text)
    let (signed, key) = await cosigned(note, checkpoint.origin)
    return AuditCheckpointResource(
      size: checkpoint.size, rootHash: "\(checkpoint.root)", note: signed.encoded, verifierKey: file.verifierKey,
      cosignerKey: key)
  }

  /// - Returns: how many of a witness's checkpoints the log extends.
  /// - Throws: `Fault(.denied)` when it does not extend one.
  func extends(_ witnessed: WitnessedNotes) async throws -> Int { try await file.extends(witnessed) }

  /// Under the log's own name: whoever has either key can check the note with it.
  private func cosigned(_ note: SignedNote, _ name: NoteKeyName) async -> (SignedNote, key: String?) {
    guard let cosigner else { return (note, nil) }
    do {
      let (publicKey, signature) = try await cosigner.sign(checkpoint: note.text)
      let verifier = try NoteVerifier(name: name, publicKey: publicKey)
      return (try note.adding(signature, by: verifier), "\(verifier)")
    } catch {
      // The log's own signature is there; that the other is missing shows.
      logger.warning("A checkpoint has one signature only", metadata: ["error": "\(error)"])
      return (note, nil)
    }
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
