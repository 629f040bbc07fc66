import AuditLog
import Faults

/// Reads durable records back, each checked against its stored hash.
struct AuditRecords: Sendable {
  let durable: AuditWriter.Durable
  private let descriptor: AuditDescriptor

  init(_ descriptor: AuditDescriptor, _ durable: AuditWriter.Durable) {
    self.descriptor = descriptor
    self.durable = durable
  }

  func entries(from index: UInt64, limit: Int) throws -> [AuditEntry] {
    var entries: [AuditEntry] = []
    try visit(from: index, limit: limit) { index, body, leaf in
      entries.append(
        AuditEntry(index: index, record: try AuditRecord(canonicalBytes: body), leafHash: "\(leaf)"))
    }
    return entries
  }

  /// The leaf hashes of a complete chunk of the tree, computed from the records.
  func leaves(chunk: UInt64) throws -> [TreeHash] {
    var leaves: [TreeHash] = []
    try visit(from: chunk * UInt64(MerkleTree.chunkSize), limit: MerkleTree.chunkSize) { _, _, leaf in
      leaves.append(leaf)
    }
    return leaves
  }

  private func visit(
    from first: UInt64, limit: Int, _ body: (_ index: UInt64, _ body: [UInt8], _ leaf: TreeHash) throws -> Void
  ) throws {
    guard first < durable.tree.size, limit > 0 else { return }
    let chunk = first / UInt64(MerkleTree.chunkSize)
    var reader = AuditFrameReader(
      descriptor, offset: durable.chunkOffsets[Int(chunk)], index: chunk * UInt64(MerkleTree.chunkSize),
      limit: durable.end, bufferSize: 128 << 10)
    var left = limit
    while left > 0, reader.index < durable.tree.size {
      let index = reader.index
      switch try reader.next() {
      case .record(_, let bytes, let leaf):
        guard index >= first else { continue }
        try body(index, bytes, leaf)
        left -= 1
      case .seal:
        continue
      case .end:
        throw changed(index, at: reader.offset, "the file ends before it")
      case .bad(let defect):
        throw changed(defect.index, at: defect.offset, defect.reason)
      }
    }
  }

  private func changed(_ index: UInt64, at offset: UInt64, _ reason: String) -> Fault {
    Fault(
      .failed, operation: "read record \(index) of the audit log",
      reason: "at byte \(offset) of \(descriptor.path): \(reason)", remedy: "run lobstack audit verify")
  }
}
