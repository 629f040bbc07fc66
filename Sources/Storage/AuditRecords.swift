import AuditLog
import Faults

/// Reads durable records back, each checked against its stored hash.
struct AuditRecords: Sendable {
  let durable: AuditWriter.Durable

  init(_ durable: AuditWriter.Durable) { self.durable = durable }

  func entries(from index: UInt64, limit: Int) throws -> [AuditEntry] {
    var entries: [AuditEntry] = []
    try visit(from: index, limit: limit) { index, body, leaf in
      entries.append(
        AuditEntry(index: index, record: try AuditRecord(canonicalBytes: body), leafHash: "\(leaf)"))
    }
    return entries
  }

  /// The leaf hashes of a complete chunk of the tree, computed from the records, or as they were kept of archived ones.
  func leaves(chunk: UInt64) throws -> [TreeHash] {
    let first = chunk * UInt64(MerkleTree.chunkSize)
    let end = first + UInt64(MerkleTree.chunkSize)
    var leaves: [TreeHash] = []
    if first < durable.start.size, let kept = durable.leaves {
      leaves = try kept.hashes(first..<min(end, durable.start.size))
    }
    if end > durable.start.size {
      try visit(from: max(first, durable.start.size), limit: MerkleTree.chunkSize - leaves.count) { _, _, leaf in
        leaves.append(leaf)
      }
    }
    return leaves
  }

  /// The archived segment that a record lies in; `nil` for those of the log itself.
  func segment(of index: UInt64) -> Range<UInt64>? { durable.start.segments.first { $0.contains(index) } }

  private func visit(
    from first: UInt64, limit: Int, _ body: (_ index: UInt64, _ body: [UInt8], _ leaf: TreeHash) throws -> Void
  ) throws {
    if let segment = segment(of: first) {
      throw Fault(
        .notFound, operation: "read record \(first) of the audit log",
        reason:
          "it is archived, in the segment \(AuditSegment.name(segment)); the log begins with record \(durable.start.size)",
        remedy: "read the segment where 'lobstack audit archive' put it")
    }
    guard first < durable.tree.size, limit > 0 else { return }
    let chunk = first / UInt64(MerkleTree.chunkSize)
    let place = Int(chunk - durable.start.size / UInt64(MerkleTree.chunkSize))
    var reader = AuditFrameReader(
      durable.records, offset: durable.chunkOffsets[place],
      index: max(chunk * UInt64(MerkleTree.chunkSize), durable.start.size), limit: durable.end, bufferSize: 128 << 10)
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
      reason: "at byte \(offset) of \(durable.records.path): \(reason)", remedy: "run lobstack audit verify")
  }
}
