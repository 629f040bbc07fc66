import AuditLog
import Faults
import Glibc

extension AuditFile {
  /// Copies the log in `source`, which may be written meanwhile, as far as it is sealed, with its keys and the seal as its
  /// checkpoint. Every record and signature is verified on the way.
  ///
  /// - Parameter target: a directory that is there, and holds nothing of the kind.
  /// - Returns: what the copy proves; it is always `ok`.
  /// - Throws: `Fault(.failed)`, naming index and byte offset, for a log that is not good: of that one there is no copy.
  package static func copy(from source: String, to target: String) throws -> AuditCopyHead {
    let (from, to) = (AuditDirectory(path: source), AuditDirectory(path: target))
    let verifier = try from.readVerifier()
    // Before the records: a log that grows meanwhile is then never shorter than its checkpoint.
    let checkpoint = try from.readCheckpoint(with: verifier)
    let records = try AuditDescriptor(to.records, O_RDWR | O_CREAT | O_EXCL)
    try copyBytes(of: AuditDescriptor(from.records, O_RDONLY), to: records)
    let leaves = try from.openLeaves()
    let result = try AuditReplay.run(
      records, leaves: leaves, verifier: verifier, checkpoint: checkpoint, signatures: .every, visit: { _, _, _, _ in })
    if let defect = result.defect {
      throw Fault(
        .failed, operation: "copy the audit log in \(source)",
        reason: defect.sentence,
        remedy: "run 'lobstack audit verify', and keep the directory as evidence")
    }
    try records.truncate(to: result.sealedEnd ?? result.start.end)
    try records.synchronize()
    if result.start.size > 0 {
      guard let leaves else { throw from.damaged("leaves is missing") }
      let copy = try AuditDescriptor(to.leaves, O_WRONLY | O_CREAT | O_EXCL)
      try copyBytes(of: leaves.descriptor, to: copy, upTo: AuditLeaves.offset(result.start.size))
      try copy.synchronize()
    }
    // A log of no record has no seal, and the checkpoint that it was made with.
    let note = try result.sealedNote.map { Array($0.utf8) } ?? from.readCheckpointBytes()
    try to.replace(to.checkpoint, with: note, mode: 0o600)
    try to.replace(to.key, with: from.readSeed(), mode: 0o600)
    try to.replace(to.publicKey, with: Array("\(verifier)\n".utf8), mode: 0o600)
    return AuditCopyHead(
      size: result.sealedSize, rootHash: "\(result.sealedRoot)", verifierKey: verifier.description)
  }

  private static func copyBytes(
    of source: AuditDescriptor, to target: AuditDescriptor, upTo limit: UInt64 = .max
  ) throws {
    try source.copy(0..<min(limit, source.size()), to: target, at: 0)
  }
}

/// What a copy of an audit log proves.
package struct AuditCopyHead: Hashable, Sendable, Codable {
  package var size: UInt64
  /// Hexadecimal.
  package var rootHash: String
  /// The log's public key, in C2SP form.
  package var verifierKey: String

  package init(size: UInt64, rootHash: String, verifierKey: String) {
    self.size = size
    self.rootHash = rootHash
    self.verifierKey = verifierKey
  }
}
