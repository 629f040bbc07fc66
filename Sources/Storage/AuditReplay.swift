import AuditLog
import Faults

/// Goes through the whole of `records.log`, rebuilds the tree and holds it against every seal and the checkpoint.
struct AuditReplay {
  /// How much of the seals is checked: text and root always, signatures as said. The last valid signature over a root
  /// proves all records before it; the others say where the first change is.
  enum Signatures { case last, every }

  /// What the file has shown to be true.
  struct Result {
    /// The records up to the last good seal, where it ends, and the seal.
    var sealedSize: UInt64 = 0
    var sealedRoot = TreeHash.emptyRoot
    var sealedNote: String?
    /// `nil` before the first seal.
    var sealedEnd: UInt64?
    /// The complete records, sealed or not, where they end, and the bytes of a frame cut short after that.
    var size: UInt64 = 0
    var end: UInt64 = 0
    var tornBytes = 0
    var defect: AuditDefect?
  }

  private let verifier: NoteVerifier
  private let checkpoint: Checkpoint?
  /// Checkpoints from elsewhere that the records extend, by their sizes, and the first of a size not reached yet.
  private let kept: [KeptCheckpoint]
  private var nextKept = 0
  private let signatures: Signatures
  private var frontier = MerkleFrontier()
  private var result = Result()
  /// Where the first frame after the last good seal begins.
  private var intervalOffset: UInt64 = 0

  /// The records must be at least those of `checkpoint`, which is verified. `visit` is given each complete record in
  /// order; a fault that it throws becomes the defect of that record.
  static func run(
    _ descriptor: AuditDescriptor, verifier: NoteVerifier, checkpoint: Checkpoint?, kept: [KeptCheckpoint] = [],
    signatures: Signatures,
    visit: (_ offset: UInt64, _ body: [UInt8], _ leaf: TreeHash) throws -> Void
  ) throws -> Result {
    var replay = AuditReplay(verifier: verifier, checkpoint: checkpoint, kept: kept, signatures: signatures)
    replay.result.defect = try replay.run(descriptor, visit: visit)
    return replay.result
  }

  private init(verifier: NoteVerifier, checkpoint: Checkpoint?, kept: [KeptCheckpoint], signatures: Signatures) {
    self.verifier = verifier
    self.checkpoint = checkpoint
    self.kept = kept.sorted { $0.checkpoint.size < $1.checkpoint.size }
    self.signatures = signatures
  }

  private mutating func run(
    _ descriptor: AuditDescriptor, visit: (UInt64, [UInt8], TreeHash) throws -> Void
  ) throws -> AuditDefect? {
    var header = [UInt8](repeating: 0, count: AuditFrame.fileHeader.count)
    let count = try header.withUnsafeMutableBytes { try descriptor.read(into: $0, at: 0) }
    guard count == header.count, header == AuditFrame.fileHeader else {
      return AuditDefect(file: .records, index: 0, offset: 0, reason: "the header of the file before it is changed")
    }
    var reader = AuditFrameReader(descriptor, offset: UInt64(count), index: 0, limit: .max)
    intervalOffset = reader.offset
    result.end = reader.offset
    if let defect = compareWithCheckpoint() { return defect }
    while true {
      switch try reader.next() {
      case .record(let offset, let body, let leaf):
        do { try visit(offset, body, leaf) } catch let fault as Fault {
          return AuditDefect(file: .records, index: frontier.size, offset: offset, reason: fault.reason)
        }
        frontier.append(leaf)
        result.size = frontier.size
        if let defect = compareWithCheckpoint() { return defect }
      case .seal(let offset, let body):
        if let defect = check(seal: body, at: offset) { return defect }
        intervalOffset = reader.offset
        result.sealedEnd = reader.offset
      case .end(let tornBytes):
        result.tornBytes = tornBytes
        return endDefect(at: reader.offset)
      case .bad(let defect):
        return defect
      }
      result.end = reader.offset
    }
  }

  private mutating func check(seal body: [UInt8], at offset: UInt64) -> AuditDefect? {
    let sealed = Checkpoint(origin: verifier.name, size: frontier.size, root: frontier.root)
    guard frontier.size > result.sealedSize else { return intervalDefect("a seal at byte \(offset) is over no record") }
    // Cheaper than to parse each of a million seals, and as strict.
    guard body.starts(with: (sealed.text + "\n").utf8), let note = String(validating: body, as: UTF8.self) else {
      return intervalDefect("the seal at byte \(offset) is over other records")
    }
    if signatures == .every, let defect = signatureDefect(note, size: sealed.size, at: offset) { return defect }
    result.sealedSize = sealed.size
    result.sealedRoot = sealed.root
    result.sealedNote = note
    return nil
  }

  private func signatureDefect(_ note: String, size: UInt64, at offset: UInt64) -> AuditDefect? {
    do {
      // The same bytes again: a seal has one spelling and one signature.
      guard try SignedNote(parsing: note).encoded == note else { return intervalDefect("the seal is not canonical") }
      _ = try Checkpoint(verifying: note, with: verifier)
      return nil
    } catch {
      let reason = (error as? Fault)?.reason ?? "\(error)"
      return intervalDefect("the seal at byte \(offset) is not valid: \(reason)")
    }
  }

  private mutating func compareWithCheckpoint() -> AuditDefect? {
    if let checkpoint, checkpoint.size == frontier.size, checkpoint.root != frontier.root {
      return intervalDefect("the checkpoint over \(checkpoint.size) records has another root")
    }
    while nextKept < kept.count, kept[nextKept].checkpoint.size == frontier.size {
      let next = kept[nextKept]
      guard next.checkpoint.root == frontier.root else { return rewrittenDefect(next) }
      nextKept += 1
    }
    return nil
  }

  /// Records that no longer have the root that was witnessed. Those up to the last witnessed checkpoint stand, whatever
  /// the log's own seals say: who has its key can seal anything.
  private func rewrittenDefect(_ kept: KeptCheckpoint) -> AuditDefect {
    let first = nextKept == 0 ? 0 : self.kept[nextKept - 1].checkpoint.size
    let last = max(first, frontier.size == 0 ? 0 : frontier.size - 1)
    return AuditDefect(
      file: .records, index: first, offset: intervalOffset,
      reason:
        "the checkpoint over \(kept.checkpoint.size) records that was kept elsewhere (\(kept.source)) has another "
        + "root, so one or more of records \(first) to \(last) were written anew")
  }

  private func endDefect(at offset: UInt64) -> AuditDefect? {
    if let checkpoint, frontier.size < checkpoint.size {
      let missing = "it is missing: the file ends, and the checkpoint counts \(checkpoint.size) records"
      return AuditDefect(file: .records, index: frontier.size, offset: offset, reason: missing)
    }
    if nextKept < kept.count {
      // The log's own checkpoint was no longer than its records, so this is no mere cut.
      let missing =
        "it is missing: the log is whole by itself and ends here, but the checkpoint kept elsewhere "
        + "(\(kept[nextKept].source)) counts \(kept[nextKept].checkpoint.size) records: it was set back to an older copy"
      return AuditDefect(file: .records, index: frontier.size, offset: offset, reason: missing)
    }
    // The checkpoint follows its seal onto the disk, so no crash leaves it without.
    if let checkpoint, result.sealedSize < checkpoint.size {
      let missing = "the seal after it is missing, and the checkpoint has it"
      return AuditDefect(file: .records, index: checkpoint.size - 1, offset: offset, reason: missing)
    }
    guard signatures == .last, let note = result.sealedNote else { return nil }
    return signatureDefect(note, size: result.sealedSize, at: intervalOffset)
  }

  /// A change with all stored hashes computed anew: nothing but the signatures shows it, and they show an interval.
  private func intervalDefect(_ reason: String) -> AuditDefect {
    let last = frontier.size == 0 ? 0 : frontier.size - 1
    let interval =
      last > result.sealedSize
      ? "one or more of records \(result.sealedSize) to \(last) were changed" : "the record or its seal was changed"
    return AuditDefect(
      file: .records, index: min(result.sealedSize, last), offset: intervalOffset,
      reason: "\(reason), so \(interval)")
  }
}
