import AuditLog
import Faults
import Glibc

/// Writes what takes the place of `records.log` when its oldest records go: the rest of it, after a signed frontier.
///
/// The rename commits. Before it the log is the old one, and what lies beside it is of no meaning; after it the log is
/// the new one. Nothing is written into what the old one needs.
struct AuditCut: Sendable {
  enum Step: Sendable, CaseIterable {
    /// The hashes of the archived records are on the disk.
    case leaves
    /// What was durable when it began is in the new file.
    case copied
    /// What was appended meanwhile too, and on the disk.
    case whole
    /// The new file has the log's name.
    case named
  }

  let reached: @Sendable (Step) throws -> Void
  private let directory: AuditDirectory
  private let next: AuditDescriptor
  private let start: AuditStart
  /// Up to here the old file is in the segment, …
  private let cutEnd: UInt64
  /// … and up to here in the new file.
  private let copiedEnd: UInt64

  /// - Throws: `Fault` when the records before `size` do not end in a seal, or have another root.
  init(
    _ directory: AuditDirectory, _ durable: AuditWriter.Durable, at size: UInt64, rootHash: String, signer: NoteSigner,
    reached: @escaping @Sendable (Step) throws -> Void
  ) throws {
    self.reached = reached
    self.directory = directory
    try Self.require(size, rootHash, in: durable)
    let leaves = try AuditDescriptor(directory.leaves, O_RDWR | O_CREAT)
    let prefix = try Prefix(durable, size, leaves)
    guard "\(prefix.frontier.root)" == rootHash else {
      throw Self.refusal(.failed, "the first \(size) records are not those that were appended")
    }
    cutEnd = prefix.end
    let (bytes, start) = try durable.start.cut(at: prefix.frontier, signer: signer)
    self.start = start
    try leaves.synchronize()
    try directory.synchronize()
    var found = MerkleFrontier()
    try AuditLeaves(leaves).visit(size) { found.append($0) }
    guard found == prefix.frontier else {
      throw Self.refusal(.failed, "\(directory.leaves) does not hold what was written to it")
    }
    try reached(.leaves)
    next = try AuditDescriptor(directory.nextRecords, O_RDWR | O_CREAT | O_TRUNC)
    try next.write(bytes, at: 0)
    copiedEnd = durable.end
    try durable.records.copy(cutEnd..<copiedEnd, to: next, at: start.end)
    try next.synchronize()
    // Read again as at a start: it has to arrive at the same root.
    let result = try AuditReplay.run(
      next, verifier: signer.verifier, checkpoint: nil, signatures: .last, visit: { _, _, _, _ in })
    guard result.defect == nil, result.sealedSize == durable.tree.size, result.sealedRoot == durable.tree.root,
      result.end == start.end + (copiedEnd - cutEnd)
    else {
      throw Self.refusal(
        .failed, "what was copied is not what the log holds: \(result.defect?.reason ?? "another root")")
    }
    try reached(.copied)
  }

  /// Gives the new file what the log got meanwhile, and the log's name. Nothing is appended while it runs.
  ///
  /// - Returns: the log as it then is.
  func finish(_ durable: AuditWriter.Durable) throws -> AuditWriter.Durable {
    try durable.records.copy(copiedEnd..<durable.end, to: next, at: start.end + (copiedEnd - cutEnd))
    try next.synchronize()
    let end = start.end + (durable.end - cutEnd)
    guard try next.size() == end else { throw Self.refusal(.failed, "\(directory.records) is shorter than it was") }
    try reached(.whole)
    var result = durable
    result.records = next
    result.leaves = try directory.openLeaves()
    result.start = start
    result.end = end
    result.chunkOffsets = durable.tree.size == start.size ? [] : [start.end]
    let chunk = UInt64(MerkleTree.chunkSize)
    let offsets = durable.chunkOffsets.enumerated()
    for (place, offset) in offsets where (durable.start.size / chunk + UInt64(place)) * chunk > start.size {
      result.chunkOffsets.append(start.end + (offset - cutEnd))
    }
    guard rename(directory.nextRecords, directory.records) == 0 else {
      throw AuditDescriptor.fault("rename", directory.nextRecords)
    }
    return result
  }

  /// Refuses what is not to be archived, before anything is written.
  private static func require(_ size: UInt64, _ rootHash: String, in durable: AuditWriter.Durable) throws {
    guard size > durable.start.size else {
      throw refusal(.conflict, "the first \(durable.start.size) records are archived already")
    }
    guard size <= durable.tree.size else {
      throw refusal(.notFound, "the log holds \(durable.tree.size) records, and not \(size)")
    }
    guard "\(try durable.tree.root(size: size, leaves: AuditRecords(durable).leaves))" == rootHash else {
      throw refusal(.conflict, "the first \(size) records do not have the root \(rootHash.prefix(64))")
    }
  }

  fileprivate static func refusal(_ code: Fault.Code, _ reason: String) -> Fault {
    Fault(
      code, operation: "archive records of the audit log", reason: reason,
      remedy: "nothing was let go of; run lobstack audit verify, then archive again")
  }
}

/// The records that go: what they hash to, and where the seal after them ends.
private struct Prefix {
  var frontier: MerkleFrontier
  var end: UInt64

  /// Writes their hashes to `leaves`, behind those that the log's start counts.
  init(_ durable: AuditWriter.Durable, _ size: UInt64, _ leaves: AuditDescriptor) throws {
    var writer = AuditLeaves.Writer(leaves, from: durable.start.size)
    var reader = AuditFrameReader(
      durable.records, offset: durable.start.end, index: durable.start.size, limit: durable.end)
    frontier = durable.start.frontier
    while true {
      switch try reader.next() {
      case .record(_, _, let leaf):
        guard frontier.size < size else {
          throw AuditCut.refusal(.invalid, "no seal follows record \(size - 1), so no segment can end with it")
        }
        frontier.append(leaf)
        try writer.append(leaf)
      case .seal:
        guard frontier.size == size else { continue }
        end = reader.offset
        try writer.flush()
        return
      case .end:
        throw AuditCut.refusal(.failed, "\(durable.records.path) ends before record \(size)")
      case .bad(let defect):
        throw AuditCut.refusal(.failed, "record \(defect.index) is not good: \(defect.reason)")
      }
    }
  }
}
