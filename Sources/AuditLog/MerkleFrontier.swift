/// The right edge of a Merkle tree: enough to append and to know the root, too little to prove anything.
///
/// Holds one hash for each complete subtree, largest first: at most 64, however many leaves there are.
package struct MerkleFrontier: Sendable, Hashable {
  /// The number of leaves.
  package private(set) var size: UInt64 = 0
  private var subtrees: [TreeHash] = []

  package init() {}

  /// The frontier of a tree whose complete subtrees are known.
  ///
  /// - Returns: `nil` unless there is one for each one bit of `size`.
  package init?(size: UInt64, peaks: [TreeHash]) {
    guard peaks.count == size.nonzeroBitCount else { return nil }
    self.size = size
    subtrees = peaks
  }

  /// The roots of the complete subtrees, the largest first.
  package var peaks: [TreeHash] { subtrees }

  package mutating func append(_ leaf: TreeHash) {
    var merged = leaf
    // Each trailing one bit of the size is a subtree as large as the one just completed.
    var rest = size
    while rest & 1 == 1, let left = subtrees.popLast() {
      merged = .node(left, merged)
      rest >>= 1
    }
    subtrees.append(merged)
    size += 1
  }

  package var root: TreeHash {
    guard var root = subtrees.last else { return .emptyRoot }
    for left in subtrees.dropLast().reversed() { root = .node(left, root) }
    return root
  }
}
