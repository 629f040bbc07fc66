import AuditLog
import Faults

/// Where a file of records begins: before its first record of all, or after records that lie in archived segments.
///
/// A start stands in the file as one frame, whose body is a checkpoint over the records before it, signed by the log's
/// key, with two lines more:
///
///     segments 1024 5120      how many records the log had let go of after each archiving; the last is the size
///     peaks BASE64 BASE64 …   the roots of the complete subtrees, from which replay goes on
///
/// No seal can pass for it, since seals have no such lines, and it passes for no seal, which have nothing more.
struct AuditStart: Hashable, Sendable {
  /// One line of them, and with the peaks, fits a signed note.
  static let mostSegments = 2_000
  /// As many as have a hash in `leaves`, whose offsets are signed 64-bit numbers.
  static let mostRecords = UInt64(Int64.max) / UInt64(TreeHash.byteCount)
  static let none = AuditStart(frontier: MerkleFrontier(), cuts: [], end: UInt64(AuditFrame.fileHeader.count))

  /// Of the tree of all records before the file's first.
  var frontier: MerkleFrontier
  /// Sizes at which the log was cut, ascending.
  var cuts: [UInt64]
  /// Where the first frame begins, in bytes.
  var end: UInt64

  /// The index of the file's first record.
  var size: UInt64 { frontier.size }

  /// The archived segments' records.
  var segments: [Range<UInt64>] { zip([0] + cuts, cuts).map { $0..<$1 } }

  /// What the file begins with after so many records more are gone, and the start that it says.
  ///
  /// - Throws: `Fault(.exhausted)` when the log was cut `mostSegments` times.
  func cut(at frontier: MerkleFrontier, signer: NoteSigner) throws -> (bytes: [UInt8], start: AuditStart) {
    guard cuts.count < Self.mostSegments else {
      throw Fault(
        .exhausted, operation: "archive records",
        reason: "the log has \(cuts.count) segments, the most that it can name",
        remedy: "begin a new log, and keep this one")
    }
    var start = AuditStart(frontier: frontier, cuts: cuts + [frontier.size], end: 0)
    let checkpoint = Checkpoint(origin: signer.verifier.name, size: frontier.size, root: frontier.root)
    let body = Array(try SignedNote(signing: start.text(checkpoint), with: signer).encoded.utf8)
    var bytes = AuditFrame.startedFileHeader
    AuditFrame.append(.start, index: frontier.size, body: body, hash: AuditFrame.hash(.start, body), to: &bytes)
    start.end = UInt64(bytes.count)
    return (bytes, start)
  }

  private func text(_ checkpoint: Checkpoint) -> String {
    checkpoint.text + "segments \(cuts.map(String.init).joined(separator: " "))\n"
      + "peaks \(frontier.peaks.map { Base64.encode($0.bytes) }.joined(separator: " "))\n"
  }

  /// Reads where a file begins, and believes only what the log's key signed.
  ///
  /// - Throws: `Fault(.invalid)` or `.denied`, with what is wrong with it; as `AuditDescriptor` when it cannot be read.
  static func read(_ descriptor: AuditDescriptor, verifier: NoteVerifier) throws -> AuditStart {
    var bytes = [UInt8](repeating: 0, count: AuditFrame.fileHeader.count + AuditFrame.overhead + SignedNote.byteLimit)
    let count = try bytes.withUnsafeMutableBytes { try descriptor.read(into: $0, at: 0) }
    return try AuditStart(parsing: bytes[..<count], verifier: verifier)
  }

  /// - Parameter bytes: the beginning of a file.
  /// - Throws: as `read`.
  init(parsing bytes: ArraySlice<UInt8>, verifier: NoteVerifier) throws {
    guard !bytes.starts(with: AuditFrame.fileHeader) else {
      self = .none
      return
    }
    guard bytes.starts(with: AuditFrame.startedFileHeader) else {
      throw Self.invalid("the header of the file before it is changed")
    }
    let frame = bytes.dropFirst(AuditFrame.startedFileHeader.count)
    let header = frame.prefix(AuditFrame.headerCount).withUnsafeBytes {
      $0.count == AuditFrame.headerCount ? AuditFrame.Header($0) : nil
    }
    guard let header, header.kind == .start else { throw Self.invalid("the start of the file before it is changed") }
    let body = Array(frame.dropFirst(AuditFrame.headerCount).prefix(header.length))
    let hash = frame.dropFirst(AuditFrame.headerCount + header.length).prefix(TreeHash.byteCount)
    guard body.count == header.length, AuditFrame.hash(.start, body).bytes.elementsEqual(hash),
      let note = String(validating: body, as: UTF8.self)
    else { throw Self.invalid("the start of the file before it is changed") }
    let checkpoint = try Checkpoint(verifying: note, with: verifier)
    guard checkpoint.size <= Self.mostRecords else {
      throw Self.invalid("the start of the file counts \(checkpoint.size) records before it, more than a log can have")
    }
    let signed = try SignedNote(parsing: note)
    let lines = signed.text.split(separator: "\n").map(String.init)
    guard let cuts = lines.dropFirst(3).first?.words(after: "segments")?.map({ UInt64($0) ?? 0 }),
      let peaks = lines.dropFirst(4).first?.words(after: "peaks")?.compactMap({
        Base64.decode(String($0)).flatMap(TreeHash.init)
      }),
      let frontier = MerkleFrontier(size: checkpoint.size, peaks: peaks)
    else { throw Self.invalid("the start of the file before it has no segments and peaks") }
    self.init(
      frontier: frontier, cuts: cuts,
      end: UInt64(AuditFrame.startedFileHeader.count + AuditFrame.overhead + header.length))
    guard frontier.root == checkpoint.root else {
      throw Self.invalid("the peaks in the start of the file before it are not those of its root")
    }
    // One start has one spelling, and one signature.
    guard (1...Self.mostSegments).contains(cuts.count), zip([0] + cuts, cuts).allSatisfy(<), cuts.last == size,
      header.index == size, signed.text == text(checkpoint), signed.encoded == note
    else { throw Self.invalid("the start of the file before it is not canonical") }
  }

  private init(frontier: MerkleFrontier, cuts: [UInt64], end: UInt64) {
    self.frontier = frontier
    self.cuts = cuts
    self.end = end
  }

  private static func invalid(_ reason: String) -> Fault {
    Fault(
      .invalid, operation: "read where the audit log begins", reason: reason,
      remedy: "run lobstack audit verify, and keep the directory as evidence")
  }
}

extension String {
  fileprivate func words(after name: String) -> [Substring]? {
    let words = split(separator: " ", omittingEmptySubsequences: false)
    return words.first.map(String.init) == name ? Array(words.dropFirst()) : nil
  }
}
