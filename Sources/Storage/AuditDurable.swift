import AuditLog

extension AuditWriter {
  /// What readers see: everything in it is on the disk.
  struct Durable: Sendable {
    /// What it is read from. Whoever holds this value reads on from the same files when others take their place.
    var records: AuditDescriptor
    var leaves: AuditLeaves?
    var start = AuditStart.none
    var tree = MerkleTree()
    /// Where the file's first record begins, and after it each whose index is a multiple of 256.
    var chunkOffsets: [UInt64] = []
    var end: UInt64 = 0
    /// The signed checkpoint of the tree.
    var note = ""

    mutating func append(_ leaf: TreeHash, at offset: UInt64) {
      Self.note(offset, of: tree.size, in: &chunkOffsets)
      tree.append(leaf)
    }

    static func note(_ offset: UInt64, of index: UInt64, in offsets: inout [UInt64]) {
      if offsets.isEmpty || index.isMultiple(of: UInt64(MerkleTree.chunkSize)) { offsets.append(offset) }
    }
  }
}
