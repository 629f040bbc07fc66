import AuditLog
import Faults
import Glibc

/// Takes possession of the files: lock, replay, mend what a crash left.
struct AuditOpening {
  let lock: AuditDescriptor
  let descriptor: AuditDescriptor
  let signer: NoteSigner
  private(set) var durable: AuditWriter.Durable
  private(set) var recovery: AuditRecovery?

  init(_ directory: AuditDirectory, origin: NoteKeyName?) throws {
    lock = try directory.lock()
    signer = try directory.prepare(origin: origin)
    try directory.requireKnownForm()
    descriptor = try AuditDescriptor(directory.records, O_RDWR)
    let checkpoint = try directory.readCheckpoint(with: signer.verifier)
    durable = AuditWriter.Durable(tree: MerkleTree(), chunkOffsets: [], end: 0, note: "")
    let result = try AuditOpening.replay(descriptor, signer.verifier, checkpoint, into: &durable, directory)
    durable.end = result.end
    durable.note =
      try result.sealedNote
      ?? Checkpoint(origin: signer.verifier.name, size: 0, root: .emptyRoot).signed(by: signer).encoded
    try mend(result)
    // After a crash the file may be behind the seals.
    if durable.tree.size > checkpoint.size {
      try directory.replace(directory.checkpoint, with: Array(durable.note.utf8))
    }
  }

  private static func replay(
    _ descriptor: AuditDescriptor, _ verifier: NoteVerifier, _ checkpoint: Checkpoint,
    into durable: inout AuditWriter.Durable, _ directory: AuditDirectory
  ) throws -> AuditReplay.Result {
    let result = try AuditReplay.run(descriptor, verifier: verifier, checkpoint: checkpoint, signatures: .last) {
      offset, _, leaf in durable.append(leaf, at: offset)
    }
    guard result.defect != nil else { return result }
    // Once more with every signature, which may show an earlier one.
    let exact = try AuditReplay.run(
      descriptor, verifier: verifier, checkpoint: checkpoint, signatures: .every, visit: { _, _, _ in })
    guard let defect = exact.defect ?? result.defect else { return result }
    throw Fault(
      .failed, operation: "open the audit log in \(directory.path)",
      reason:
        "record \(defect.index) at byte \(defect.offset) of \(defect.file.rawValue) is not good: \(defect.reason)",
      remedy: "keep the directory as evidence, and restore it from a backup or move it away to begin a new log")
  }

  private mutating func mend(_ result: AuditReplay.Result) throws {
    let unsealed = result.size - result.sealedSize
    guard result.tornBytes > 0 || unsealed > 0 else { return }
    recovery = AuditRecovery(
      discardedBytes: result.tornBytes, offset: result.end, firstSigned: result.sealedSize, signedRecords: unsealed)
    try descriptor.truncate(to: result.end)
    if unsealed > 0 {
      var bytes: [UInt8] = []
      durable.note = try AuditWriter.appendSeal(durable.tree.frontier, signer: signer, to: &bytes)
      try descriptor.write(bytes, at: result.end)
      durable.end += UInt64(bytes.count)
    }
    try descriptor.synchronize()
  }
}
