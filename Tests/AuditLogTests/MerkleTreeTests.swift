import AuditLog
import Crypto
import Faults
import SeededRandom
import Testing

/// The vectors of the Certificate Transparency project's own tests, which hash as RFC 6962 says.
enum Vectors {
  static let leaves: [[UInt8]] = [
    [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], Array(0x40...0x43), Array(0x50...0x57), Array(0x60...0x6F),
  ]
  static let roots = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
  ]
  /// Index, size, path.
  static let inclusion: [(UInt64, UInt64, [String])] = [
    (0, 1, []),
    (
      0, 8,
      [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
      ]
    ),
    (
      5, 8,
      [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ]
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
      1, 5,
      [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      ]
    ),
  ]
  /// First size, second size, path.
  static let consistency: [(UInt64, UInt64, [String])] = [
    (1, 1, []),
    (
      1, 8,
      [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
      ]
    ),
    (
      6, 8,
      [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      ]
    ),
    (
      2, 5,
      [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
      ]
    ),
  ]
}

/// A tree with its leaves, and the roots by the recursive definition of RFC 9162 §2.1.1 over plain bytes.
struct GrownTree {
  private(set) var tree = MerkleTree()
  private(set) var leaves: [TreeHash] = []

  init(count: Int) {
    for number in 0..<count {
      let leaf = TreeHash.leaf(Array("record \(number)".utf8))
      leaves.append(leaf)
      tree.append(leaf)
    }
  }

  func chunk(_ number: UInt64) -> [TreeHash] { Array(leaves.dropFirst(Int(number) * 256).prefix(256)) }

  static func definedRoot(_ leaves: ArraySlice<TreeHash>) -> [UInt8] {
    guard let first = leaves.first else { return Array(SHA256.hash(data: [UInt8]())) }
    if leaves.count == 1 { return first.bytes }
    var split = 1
    while split * 2 < leaves.count { split *= 2 }
    return Array(
      SHA256.hash(data: [1] + definedRoot(leaves.prefix(split)) + definedRoot(leaves.dropFirst(split))))
  }
}

@Suite("The Merkle tree") struct MerkleTreeTests {
  @Test("has the known roots") func knownRoots() {
    var tree = MerkleTree()
    #expect("\(tree.root)" == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    for (leaf, root) in zip(Vectors.leaves, Vectors.roots) {
      tree.append(.leaf(leaf))
      #expect("\(tree.root)" == root)
    }
  }

  @Test("gives the known proofs") func knownProofs() throws {
    var tree = MerkleTree()
    for leaf in Vectors.leaves { tree.append(.leaf(leaf)) }
    for (index, size, path) in Vectors.inclusion {
      let proof = try tree.inclusionProof(index: index, size: size) { _ in [] }
      #expect(proof.hashes.map(\.description) == path)
    }
    for (first, second, path) in Vectors.consistency {
      let proof = try tree.consistencyProof(from: first, to: second) { _ in [] }
      #expect(proof.hashes.map(\.description) == path)
    }
  }

  @Test("has at every size the root that the RFC defines") func definedRoots() throws {
    let grown = GrownTree(count: 1300)
    for size in Array(0...70) + [255, 256, 257, 511, 512, 513, 768, 1023, 1024, 1025, 1300] {
      let expected = GrownTree.definedRoot(grown.leaves.prefix(size))
      #expect(try grown.tree.root(size: UInt64(size), leaves: grown.chunk).bytes == expected)
      #expect(GrownTree(count: size).tree.root.bytes == expected)
    }
  }

  @Test("proves each record of each size to 70, and nothing else") func inclusion() throws {
    let grown = GrownTree(count: 70)
    for size in 1...70 {
      let root = try grown.tree.root(size: UInt64(size), leaves: grown.chunk)
      for index in 0..<size {
        let proof = try grown.tree.inclusionProof(index: UInt64(index), size: UInt64(size), leaves: grown.chunk)
        #expect(proof.proves(leaf: grown.leaves[index], root: root))
        #expect(!proof.proves(leaf: grown.leaves[(index + 1) % 70], root: root))
        #expect(!proof.proves(leaf: grown.leaves[index], root: grown.leaves[0]) || size == 1)
        for forged in Self.mutations(of: proof) { #expect(!forged.proves(leaf: grown.leaves[index], root: root)) }
      }
    }
  }

  @Test("proves each growth to 70, and nothing else") func consistency() throws {
    let grown = GrownTree(count: 70)
    let foreign = TreeHash.leaf([0xFF])
    let roots = try (0...70).map { try grown.tree.root(size: UInt64($0), leaves: grown.chunk) }
    for second in 0...70 {
      for first in 0...second {
        let proof = try grown.tree.consistencyProof(from: UInt64(first), to: UInt64(second), leaves: grown.chunk)
        #expect(proof.proves(firstRoot: roots[first], secondRoot: roots[second]))
        #expect(!proof.proves(firstRoot: foreign, secondRoot: roots[second]))
        if first > 0 { #expect(!proof.proves(firstRoot: roots[first], secondRoot: foreign)) }
        for place in proof.hashes.indices {
          var forged = proof
          forged.hashes[place] = foreign
          #expect(!forged.proves(firstRoot: roots[first], secondRoot: roots[second]))
          forged = proof
          forged.hashes.remove(at: place)
          #expect(!forged.proves(firstRoot: roots[first], secondRoot: roots[second]))
        }
        var forged = proof
        forged.hashes.append(foreign)
        #expect(!forged.proves(firstRoot: roots[first], secondRoot: roots[second]))
      }
    }
  }

  @Test("proves across chunks that memory does not hold") func chunks() throws {
    let grown = GrownTree(count: 1300)
    for size in [256, 257, 700, 1024, 1100, 1300] as [UInt64] {
      let root = try grown.tree.root(size: size, leaves: grown.chunk)
      for index in stride(from: UInt64(0), to: size, by: 17) {
        let proof = try grown.tree.inclusionProof(index: index, size: size, leaves: grown.chunk)
        #expect(proof.proves(leaf: grown.leaves[Int(index)], root: root))
        let growth = try grown.tree.consistencyProof(from: index, to: size, leaves: grown.chunk)
        #expect(growth.proves(firstRoot: try grown.tree.root(size: index, leaves: grown.chunk), secondRoot: root))
      }
    }
  }

  @Test("refuses to prove from leaves that are not its own") func changedChunk() throws {
    let grown = GrownTree(count: 300)
    var changed = grown.chunk(0)
    changed.swapAt(3, 4)
    #expect(throws: Fault.self) { try grown.tree.inclusionProof(index: 9, size: 300) { _ in changed } }
    #expect(throws: Fault.self) { try grown.tree.inclusionProof(index: 9, size: 300) { _ in [] } }
  }

  @Test("refuses what it does not hold") func outOfRange() {
    let grown = GrownTree(count: 5)
    #expect(throws: Fault.self) { try grown.tree.inclusionProof(index: 5, size: 5, leaves: grown.chunk) }
    #expect(throws: Fault.self) { try grown.tree.inclusionProof(index: 0, size: 6, leaves: grown.chunk) }
    #expect(throws: Fault.self) { try grown.tree.inclusionProof(index: .max, size: .max, leaves: grown.chunk) }
    #expect(throws: Fault.self) { try grown.tree.consistencyProof(from: 4, to: 3, leaves: grown.chunk) }
    #expect(throws: Fault.self) { try grown.tree.consistencyProof(from: 0, to: .max, leaves: grown.chunk) }
  }

  @Test("checks hostile proofs without a trap") func hostileProofs() {
    var random = SplitMix64(seed: 2)
    let edges: [UInt64] = [0, 1, 2, 3, 255, 256, .max / 2, .max - 1, .max]
    for _ in 0..<20_000 {
      let hashes = (0..<Int.random(in: 0...70, using: &random)).map { TreeHash.leaf([UInt8($0)]) }
      let first = edges.randomElement(using: &random) ?? 0
      let second = edges.randomElement(using: &random) ?? 0
      let root = TreeHash.leaf([200])
      #expect(!InclusionProof(index: first, size: second, hashes: hashes).proves(leaf: .leaf([201]), root: root))
      #expect(
        !ConsistencyProof(first: first, second: second, hashes: hashes).proves(
          firstRoot: .leaf([201]), secondRoot: root))
    }
  }

  private static func mutations(of proof: InclusionProof) -> [InclusionProof] {
    var mutations: [InclusionProof] = []
    for place in proof.hashes.indices {
      var forged = proof
      var bytes = forged.hashes[place].bytes
      bytes[place % 32] ^= 1
      forged.hashes[place] = TreeHash(bytes) ?? .emptyRoot
      mutations.append(forged)
      forged = proof
      forged.hashes.remove(at: place)
      mutations.append(forged)
    }
    mutations.append(InclusionProof(index: proof.index, size: proof.size, hashes: proof.hashes + [.emptyRoot]))
    mutations.append(InclusionProof(index: proof.size, size: proof.size, hashes: proof.hashes))
    if proof.size > 1 {
      mutations.append(
        InclusionProof(index: (proof.index + 1) % proof.size, size: proof.size, hashes: proof.hashes))
    }
    return mutations
  }
}
