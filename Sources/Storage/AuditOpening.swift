import AuditLog
import Faults
import Glibc

/// Takes possession of the files: lock, replay, mend what a crash left.
struct AuditOpening {
  let lock: AuditDescriptor
  let signer: NoteSigner
  private(set) var durable: AuditWriter.Durable
  private(set) var recovery: AuditRecovery?

  init(_ directory: AuditDirectory, origin: NoteKeyName?) throws {
    lock = try directory.lock()
    signer = try directory.prepare(origin: origin)
    try directory.requireKnownForm()
    let checkpoint = try directory.readCheckpoint(with: signer.verifier)
    durable = AuditWriter.Durable(
      records: try AuditDescriptor(directory.records, O_RDWR), leaves: try directory.openLeaves())
    let result = try AuditOpening.replay(signer.verifier, checkpoint, into: &durable, directory)
    durable.start = result.start
    durable.end = result.end
    durable.note =
      try result.sealedNote
      ?? Checkpoint(origin: signer.verifier.name, size: result.sealedSize, root: result.sealedRoot)
      .signed(by: signer).encoded
    // Of an archiving that a crash cut short.
    unlink(directory.nextRecords)
    try mend(result)
    // After a crash the file may be behind the seals.
    if durable.tree.size > checkpoint.size {
      try directory.replace(directory.checkpoint, with: Array(durable.note.utf8))
    }
  }

  private static func replay(
    _ verifier: NoteVerifier, _ checkpoint: Checkpoint, into durable: inout AuditWriter.Durable,
    _ directory: AuditDirectory
  ) throws -> AuditReplay.Result {
    let (descriptor, leaves) = (durable.records, durable.leaves)
    var tree = MerkleTree()
    var offsets: [UInt64] = []
    let result = try AuditReplay.run(
      descriptor, leaves: leaves, verifier: verifier, checkpoint: checkpoint, signatures: .last,
      archived: { tree.append($0) },
      visit: { index, offset, _, leaf in
        AuditWriter.Durable.note(offset, of: index, in: &offsets)
        tree.append(leaf)
      })
    guard result.defect != nil else {
      guard result.start.size == 0 || leaves != nil else {
        throw directory.damaged("records.log begins with record \(result.start.size), and leaves is missing")
      }
      (durable.tree, durable.chunkOffsets) = (tree, offsets)
      return result
    }
    // Once more with every signature, which may show an earlier one.
    let exact = try AuditReplay.run(
      descriptor, leaves: leaves, verifier: verifier, checkpoint: checkpoint, signatures: .every,
      visit: { _, _, _, _ in })
    guard let defect = exact.defect ?? result.defect else { return result }
    throw Fault(
      .failed, operation: "open the audit log in \(directory.path)",
      reason: defect.sentence,
      remedy: "keep the directory as evidence, and restore it from a backup or move it away to begin a new log")
  }

  private mutating func mend(_ result: AuditReplay.Result) throws {
    let unsealed = result.size - result.sealedSize
    guard result.tornBytes > 0 || unsealed > 0 else { return }
    recovery = AuditRecovery(
      discardedBytes: result.tornBytes, offset: result.end, firstSigned: result.sealedSize, signedRecords: unsealed)
    try durable.records.truncate(to: result.end)
    if unsealed > 0 {
      var bytes: [UInt8] = []
      durable.note = try AuditWriter.appendSeal(durable.tree.frontier, signer: signer, to: &bytes)
      try durable.records.write(bytes, at: result.end)
      durable.end += UInt64(bytes.count)
    }
    try durable.records.synchronize()
  }
}
