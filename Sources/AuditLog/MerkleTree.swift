import Faults

/// The log's tree as RFC 6962 §2.1 hashes it: appends in O(log n), knows its root, proves inclusion and consistency.
///
/// Holds in memory only the complete subtrees of 256 leaves or more, a quarter of a byte per leaf: ten million records
/// take 2.5 MB. A proof that needs a hash below one of these asks for the 256 leaf hashes under it.
package struct MerkleTree: Sendable {
  private static let chunkHeight = 8
  /// The number of leaves under each hash of the lowest level that is held.
  package static let chunkSize = 1 << chunkHeight

  /// Gives the 256 leaf hashes of the complete chunk with this number, from wherever they are stored.
  package typealias LeafSource = (_ chunk: UInt64) throws -> [TreeHash]

  package private(set) var frontier = MerkleFrontier()
  /// `levels[h][i]` is the root of the leaves `i << (h + 8) ..< (i + 1) << (h + 8)`.
  private var levels: [[TreeHash]] = []
  /// The leaves after the last complete chunk.
  private var tail: [TreeHash] = []

  package init() {}

  package var size: UInt64 { frontier.size }
  package var root: TreeHash { frontier.root }

  package mutating func append(_ leaf: TreeHash) {
    frontier.append(leaf)
    tail.append(leaf)
    guard tail.count == MerkleTree.chunkSize else { return }
    var merged = MerkleTree.fold(tail[...])
    tail.removeAll(keepingCapacity: true)
    for height in 0... {
      if height == levels.count { levels.append([]) }
      levels[height].append(merged)
      let count = levels[height].count
      guard count.isMultiple(of: 2) else { return }
      merged = .node(levels[height][count - 2], merged)
    }
  }

  /// Proves that leaf `index` is in the tree of the first `size` leaves.
  ///
  /// - Throws: `Fault(.notFound)` when there is no such leaf or size yet; what `leaves` throws.
  package func inclusionProof(index: UInt64, size: UInt64, leaves: @escaping LeafSource) throws -> InclusionProof {
    guard index < size, size <= self.size else {
      throw Fault(
        .notFound, operation: "prove record \(index) of the first \(size)",
        reason: "the log holds \(self.size) records, counted from 0", remedy: "ask for an index below the size")
    }
    var walk = Walk(tree: self, leaves: leaves)
    return InclusionProof(index: index, size: size, hashes: try walk.path(to: index, in: 0..<size))
  }

  /// Proves that the tree of the first `first` leaves is the beginning of the tree of the first `second`.
  ///
  /// - Throws: `Fault(.notFound)` when there is no such size yet; what `leaves` throws.
  package func consistencyProof(from first: UInt64, to second: UInt64, leaves: @escaping LeafSource) throws
    -> ConsistencyProof
  {
    guard first <= second, second <= size else {
      throw Fault(
        .notFound, operation: "prove that \(first) records begin \(second)",
        reason: "the log holds \(size) records", remedy: "ask for two sizes in ascending order")
    }
    var walk = Walk(tree: self, leaves: leaves)
    // Nothing needs proof between equal trees, nor after an empty one.
    let hashes = first == 0 || first == second ? [] : try walk.subproof(first, in: 0..<second, known: true)
    return ConsistencyProof(first: first, second: second, hashes: hashes)
  }

  /// The root that the tree had when it held `size` leaves.
  ///
  /// - Throws: `Fault(.notFound)` when it never did; what `leaves` throws.
  package func root(size: UInt64, leaves: @escaping LeafSource) throws -> TreeHash {
    guard size <= self.size else {
      throw Fault(
        .notFound, operation: "find the root of \(size) records", reason: "the log holds \(self.size) records",
        remedy: "ask for a size that the log has reached")
    }
    if size == 0 { return .emptyRoot }
    var walk = Walk(tree: self, leaves: leaves)
    return try walk.root(of: 0..<size)
  }

  /// The root of `leaves`, whose number is a power of two.
  private static func fold(_ leaves: ArraySlice<TreeHash>) -> TreeHash {
    var row = Array(leaves)
    while row.count > 1 {
      row = stride(from: 0, to: row.count - 1, by: 2).map { .node(row[$0], row[$0 + 1]) }
    }
    return row.first ?? .emptyRoot
  }
}

extension MerkleTree {
  /// One walk down the tree, which keeps the chunks that it had to ask for.
  private struct Walk {
    let tree: MerkleTree
    let leaves: LeafSource
    private var chunks: [UInt64: [TreeHash]] = [:]

    init(tree: MerkleTree, leaves: @escaping LeafSource) {
      self.tree = tree
      self.leaves = leaves
    }

    /// PATH(m, D_n) of RFC 9162 §2.1.3.1, for leaves whose first is a multiple of the split below.
    mutating func path(to index: UInt64, in range: Range<UInt64>) throws -> [TreeHash] {
      guard range.count > 1 else { return [] }
      let middle = range.lowerBound + MerkleTree.split(range.count)
      if index < middle {
        return try path(to: index, in: range.lowerBound..<middle) + [root(of: middle..<range.upperBound)]
      }
      return try path(to: index, in: middle..<range.upperBound) + [root(of: range.lowerBound..<middle)]
    }

    /// SUBPROOF(m, D_n, b) of RFC 9162 §2.1.4.1; `first` counts leaves of the whole tree.
    mutating func subproof(_ first: UInt64, in range: Range<UInt64>, known: Bool) throws -> [TreeHash] {
      if first == range.upperBound { return known ? [] : [try root(of: range)] }
      let middle = range.lowerBound + MerkleTree.split(range.count)
      if first <= middle {
        return try subproof(first, in: range.lowerBound..<middle, known: known)
          + [root(of: middle..<range.upperBound)]
      }
      return try subproof(first, in: middle..<range.upperBound, known: false) + [root(of: range.lowerBound..<middle)]
    }

    mutating func root(of range: Range<UInt64>) throws -> TreeHash {
      let count = UInt64(range.count)
      guard count.nonzeroBitCount == 1 else {
        let middle = range.lowerBound + MerkleTree.split(range.count)
        return try .node(root(of: range.lowerBound..<middle), root(of: middle..<range.upperBound))
      }
      let height = count.trailingZeroBitCount
      if height >= MerkleTree.chunkHeight {
        return tree.levels[height - MerkleTree.chunkHeight][Int(range.lowerBound >> UInt64(height))]
      }
      let chunk = range.lowerBound >> UInt64(MerkleTree.chunkHeight)
      let start = Int(range.lowerBound & UInt64(MerkleTree.chunkSize - 1))
      return MerkleTree.fold(try hashes(of: chunk)[start..<(start + range.count)])
    }

    private mutating func hashes(of chunk: UInt64) throws -> [TreeHash] {
      guard let roots = tree.levels.first, chunk < roots.count else { return tree.tail }
      if let known = chunks[chunk] { return known }
      let found = try leaves(chunk)
      // A proof over changed leaves would convict the log instead of the change.
      guard found.count == MerkleTree.chunkSize, MerkleTree.fold(found[...]) == roots[Int(chunk)] else {
        let first = chunk << UInt64(MerkleTree.chunkHeight)
        throw Fault(
          .failed, operation: "prove records of the audit log",
          reason: "records \(first) to \(first + UInt64(MerkleTree.chunkSize) - 1) are not those that were appended",
          remedy: "run lobstack audit verify to find what changed them")
      }
      chunks[chunk] = found
      return found
    }
  }

  /// The largest power of two below `count`, which is at least 2.
  private static func split(_ count: Int) -> UInt64 { 1 << UInt64(Int.bitWidth - 1 - (count - 1).leadingZeroBitCount) }
}
