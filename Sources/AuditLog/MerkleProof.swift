/// Shows that one record is in the log (RFC 9162 §2.1.3).
package struct InclusionProof: Hashable, Sendable, Codable {
  package var index: UInt64
  package var size: UInt64
  /// From the leaf upward.
  package var hashes: [TreeHash]

  package init(index: UInt64, size: UInt64, hashes: [TreeHash]) {
    self.index = index
    self.size = size
    self.hashes = hashes
  }

  /// Whether the record with this leaf hash is at `index` of the tree of `size` leaves with this root
  /// (RFC 9162 §2.1.3.2). Any proof may be asked, also one that an adversary made.
  package func proves(leaf: TreeHash, root: TreeHash) -> Bool {
    guard index < size else { return false }
    var node = index
    var last = size - 1
    var computed = leaf
    for hash in hashes {
      guard last > 0 else { return false }
      if node & 1 == 1 || node == last {
        computed = .node(hash, computed)
        while node & 1 == 0, node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        computed = .node(computed, hash)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && computed == root
  }
}

/// Shows that the log only grew between two sizes (RFC 9162 §2.1.4).
package struct ConsistencyProof: Hashable, Sendable, Codable {
  package var first: UInt64
  package var second: UInt64
  package var hashes: [TreeHash]

  package init(first: UInt64, second: UInt64, hashes: [TreeHash]) {
    self.first = first
    self.second = second
    self.hashes = hashes
  }

  /// Whether the tree with `firstRoot` is the beginning of the tree with `secondRoot` (RFC 9162 §2.1.4.2). Any proof
  /// may be asked, also one that an adversary made.
  ///
  /// The RFC leaves the empty tree out: it begins every tree, and its proof is empty.
  package func proves(firstRoot: TreeHash, secondRoot: TreeHash) -> Bool {
    if first == second { return hashes.isEmpty && firstRoot == secondRoot && (first > 0 || firstRoot == .emptyRoot) }
    guard first < second else { return false }
    if first == 0 { return hashes.isEmpty && firstRoot == .emptyRoot }
    // A complete first tree is itself a node of the second, so the proof leaves it out.
    let path = first.nonzeroBitCount == 1 ? [firstRoot] + hashes : hashes
    guard let seed = path.first, !hashes.isEmpty else { return false }
    var node = first - 1
    var last = second - 1
    while node & 1 == 1 {
      node >>= 1
      last >>= 1
    }
    var firstComputed = seed
    var secondComputed = seed
    for hash in path.dropFirst() {
      guard last > 0 else { return false }
      if node & 1 == 1 || node == last {
        firstComputed = .node(hash, firstComputed)
        secondComputed = .node(hash, secondComputed)
        while node & 1 == 0, node != 0 {
          node >>= 1
          last >>= 1
        }
      } else {
        secondComputed = .node(secondComputed, hash)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && firstComputed == firstRoot && secondComputed == secondRoot
  }
}
