import AuditLog
import Faults

/// The leaf hashes of archived records, 32 bytes each, in the order of the records: what proofs and old checkpoints need
/// of records that are no longer there.
///
/// Only appended to, and only what `AuditStart` counts is of any meaning: an archiving that was cut off leaves more.
struct AuditLeaves: Sendable {
  private static let step = 1 << 15
  let descriptor: AuditDescriptor

  init(_ descriptor: AuditDescriptor) { self.descriptor = descriptor }

  static func offset(_ index: UInt64) -> UInt64 { index * UInt64(TreeHash.byteCount) }

  /// - Throws: `Fault(.invalid)` when the file ends before.
  func hashes(_ range: Range<UInt64>) throws -> [TreeHash] {
    var bytes = [UInt8](repeating: 0, count: range.count * TreeHash.byteCount)
    let found = try bytes.withUnsafeMutableBytes { try descriptor.read(into: $0, at: Self.offset(range.lowerBound)) }
    guard found == bytes.count else {
      throw Fault(
        .invalid, operation: "read \(descriptor.path)",
        reason: "it ends before the hash of record \(range.lowerBound + UInt64(found / TreeHash.byteCount))",
        remedy: "restore the file from a backup")
    }
    return stride(from: 0, to: bytes.count, by: TreeHash.byteCount).compactMap {
      TreeHash(bytes[$0..<($0 + TreeHash.byteCount)])
    }
  }

  /// Writes hashes one after the other, from a record's on, in memory that does not grow with them.
  struct Writer {
    private let file: AuditDescriptor
    private var place: UInt64
    private var bytes: [UInt8] = []

    init(_ file: AuditDescriptor, from index: UInt64) {
      self.file = file
      place = AuditLeaves.offset(index)
    }

    mutating func append(_ leaf: TreeHash) throws {
      leaf.withUnsafeBytes { bytes.append(contentsOf: $0) }
      if bytes.count >= AuditLeaves.step * TreeHash.byteCount { try flush() }
    }

    mutating func flush() throws {
      try file.write(bytes, at: place)
      place += UInt64(bytes.count)
      bytes.removeAll(keepingCapacity: true)
    }
  }

  /// Gives each of the first `size` hashes, in memory that does not grow with them.
  ///
  /// - Throws: as `hashes`; what `body` throws.
  func visit(_ size: UInt64, _ body: (TreeHash) throws -> Void) throws {
    var index: UInt64 = 0
    while index < size {
      let end = min(size, index + UInt64(Self.step))
      for hash in try hashes(index..<end) { try body(hash) }
      index = end
    }
  }
}
