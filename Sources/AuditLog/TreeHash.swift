import Crypto
import TextEncodings

/// A SHA-256 hash of the log's tree: 32 bytes, held inline so that a million of them are one plain array.
///
/// Which hash it is follows from the byte put before the input, so that no leaf can pass for a node (RFC 6962 §2.1).
package struct TreeHash: Hashable, Sendable, CustomStringConvertible {
  package static let byteCount = 32

  // Eight bytes each, in the order of memory.
  private let first, second, third, fourth: UInt64

  /// - Returns: `nil` unless there are exactly 32 bytes.
  package init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == TreeHash.byteCount else { return nil }
    self = Array(bytes).withUnsafeBytes(TreeHash.init(loading:))
  }

  /// - Returns: `nil` unless `hex` is 64 lower-case hexadecimal digits.
  package init?(hex: String) {
    guard let bytes = Hexadecimal.decode(hex) else { return nil }
    self.init(bytes)
  }

  /// The caller warrants 32 bytes.
  private init(loading bytes: UnsafeRawBufferPointer) {
    first = bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)
    second = bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    third = bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)
    fourth = bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
  }

  package func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
    try Swift.withUnsafeBytes(of: (first, second, third, fourth), body)
  }

  package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }
  /// 64 lower-case hexadecimal digits.
  package var description: String { Hexadecimal.encode(bytes) }
}

extension TreeHash {
  /// The root of a tree without leaves: the hash of nothing (RFC 6962 §2.1).
  package static let emptyRoot = hash([], after: nil)

  /// The hash of one record: `SHA-256(0x00 || bytes)`.
  package static func leaf(_ bytes: [UInt8]) -> TreeHash { hash(bytes, after: 0x00) }

  /// The hash over two subtrees: `SHA-256(0x01 || left || right)`.
  package static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
    var hasher = SHA256()
    absorb(0x01, into: &hasher)
    left.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    right.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    return finish(hasher)
  }

  /// A hash outside the tree, kept apart from leaves and nodes by its own first byte.
  package static func hash(_ bytes: [UInt8], after domain: UInt8?) -> TreeHash {
    var hasher = SHA256()
    if let domain { absorb(domain, into: &hasher) }
    bytes.withUnsafeBytes { hasher.update(bufferPointer: $0) }
    return finish(hasher)
  }

  private static func absorb(_ byte: UInt8, into hasher: inout SHA256) {
    Swift.withUnsafeBytes(of: byte) { hasher.update(bufferPointer: $0) }
  }

  private static func finish(_ hasher: SHA256) -> TreeHash {
    hasher.finalize().withUnsafeBytes(TreeHash.init(loading:))
  }
}

extension TreeHash: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let hash = TreeHash(hex: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "a hash is 64 hexadecimal digits")
    }
    self = hash
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
