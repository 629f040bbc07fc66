import AuditLog

/// The pieces that `records.log` is made of: one header of the file, then records and seals. In a file of form 2 a
/// start stands before them, once: the records before it lie in archived segments (`AuditStart`).
///
///     u8    kind: 1 record, 2 seal, 3 start
///     u24   length of the body
///     u64   index of the record; of a seal or a start, the number of records before it
///     4 B   check of the twelve bytes above: so a changed length is told from a file that ends too early
///     body  the record's canonical bytes, or the signed checkpoint of all records before the seal or the start
///     32 B  hash of the body: the leaf hash of a record
///
/// Integers are big-endian. Check and hash find and name a changed byte; they are no proof against one who computes
/// them anew. The seals are: nobody without the key can make one.
enum AuditFrame {
  /// The newest form that is known. Another form has another number in the file's header.
  static let version = 2
  /// Form 1: the log from its first record on.
  static let fileHeader = Array("lobstack-audit1\n".utf8)
  /// Form 2: a start comes next.
  static let startedFileHeader = Array("lobstack-audit2\n".utf8)
  static let headerCount = 16
  static let overhead = headerCount + TreeHash.byteCount

  /// - Returns: `nil` for what is no header of an audit log.
  static func version(ofHeader bytes: some Collection<UInt8>) -> Int? {
    let name = "lobstack-audit"
    guard bytes.count == fileHeader.count, bytes.starts(with: name.utf8),
      let text = String(validating: bytes, as: UTF8.self)
    else { return nil }
    return Int(text.dropFirst(name.count).prefix { $0 != "\n" })
  }

  enum Kind: UInt8 { case record = 1, seal, start }

  struct Header {
    var kind: Kind
    var length: Int
    var index: UInt64

    /// - Returns: `nil` when the check fails, or the length is beyond what the kind allows.
    init?(_ bytes: UnsafeRawBufferPointer) {
      let word = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
      index = UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
      length = Int(word & 0xFF_FFFF)
      guard bytes[12..<16].elementsEqual(AuditFrame.check(bytes.prefix(12))),
        let kind = Kind(rawValue: UInt8(word >> 24))
      else {
        return nil
      }
      self.kind = kind
      guard length <= (kind == .record ? AuditRecord.byteLimit : SignedNote.byteLimit) else { return nil }
    }
  }

  static func append(_ kind: Kind, index: UInt64, body: [UInt8], hash: TreeHash, to bytes: inout [UInt8]) {
    var header: [UInt8] = []
    let word = UInt32(kind.rawValue) << 24 | UInt32(truncatingIfNeeded: body.count)
    withUnsafeBytes(of: word.bigEndian) { header.append(contentsOf: $0) }
    withUnsafeBytes(of: index.bigEndian) { header.append(contentsOf: $0) }
    bytes.append(contentsOf: header)
    bytes.append(contentsOf: check(header))
    bytes.append(contentsOf: body)
    hash.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  static func hash(_ kind: Kind, _ body: [UInt8]) -> TreeHash {
    switch kind {
    case .record: .leaf(body)
    // Any first byte but those of leaves and nodes.
    case .seal: .hash(body, after: 0x02)
    case .start: .hash(body, after: 0x04)
    }
  }

  private static func check(_ header: some Sequence<UInt8>) -> ArraySlice<UInt8> {
    TreeHash.hash(Array(header), after: 0x03).bytes.prefix(4)
  }
}
