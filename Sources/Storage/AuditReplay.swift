import AuditLog
import Faults

/// Goes through the whole of `records.log`, rebuilds the tree and holds it against every seal and the checkpoint.
///
/// A log that was archived from begins with a signed frontier. With the leaf hashes of what is archived the tree is
/// rebuilt from its first record all the same, and older checkpoints are compared too.
struct AuditReplay {
  /// How much of the seals is checked: text and root always, signatures as said. The last valid signature over a root
  /// proves all records before it; the others say where the first change is.
  enum Signatures { case last, every }

  /// What the file has shown to be true.
  struct Result {
    /// Where the file begins.
    var start = AuditStart.none
    /// Checkpoints from elsewhere that lie before it, and that no leaf hashes were there to compare with: they prove
    /// nothing of this file.
    var uncompared = 0
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
  ///
  /// - Parameters:
  ///   - leaves: hashes of the archived records, if they are there; `archived` is given each.
  ///   - sealed: told each good seal, by what is true up to it.
  static func run(
    _ descriptor: AuditDescriptor, leaves: AuditLeaves? = nil, verifier: NoteVerifier, checkpoint: Checkpoint?,
    kept: [KeptCheckpoint] = [], signatures: Signatures,
    archived: (_ leaf: TreeHash) -> Void = { _ in }, sealed: (Result) -> Void = { _ in },
    visit: (_ index: UInt64, _ offset: UInt64, _ body: [UInt8], _ leaf: TreeHash) throws -> Void
  ) throws -> Result {
    var replay = AuditReplay(verifier: verifier, checkpoint: checkpoint, kept: kept, signatures: signatures)
    replay.result.defect =
      try replay.begin(descriptor, leaves, archived) ?? replay.run(descriptor, sealed: sealed, visit: visit)
    return replay.result
  }

  private init(verifier: NoteVerifier, checkpoint: Checkpoint?, kept: [KeptCheckpoint], signatures: Signatures) {
    self.verifier = verifier
    self.checkpoint = checkpoint
    self.kept = kept.sorted { $0.checkpoint.size < $1.checkpoint.size }
    self.signatures = signatures
  }

  /// Comes to where the file begins.
  private mutating func begin(
    _ descriptor: AuditDescriptor, _ leaves: AuditLeaves?, _ archived: (TreeHash) -> Void
  ) throws -> AuditDefect? {
    let start: AuditStart
    do { start = try AuditStart.read(descriptor, verifier: verifier) } catch let fault as Fault
      where fault.code == .invalid || fault.code == .denied
    {
      return AuditDefect(file: .records, index: 0, offset: 0, reason: fault.reason)
    }
    result.start = start
    (intervalOffset, result.end) = (start.end, start.end)
    if let defect = compareWithCheckpoint() { return defect }
    guard start.size > 0 else { return nil }
    if let leaves {
      if let defect = try pass(leaves, archived) { return defect }
    } else {
      result.uncompared = kept[nextKept...].prefix { $0.checkpoint.size < start.size }.count
      nextKept += result.uncompared
    }
    frontier = start.frontier
    (result.sealedSize, result.sealedRoot, result.size) = (start.size, frontier.root, start.size)
    return compareWithCheckpoint()
  }

  /// Goes through the hashes of archived records. That they are the right ones is found before what they show of
  /// checkpoints is believed.
  private mutating func pass(_ leaves: AuditLeaves, _ archived: (TreeHash) -> Void) throws -> AuditDefect? {
    let size = result.start.size
    func defect(_ reason: String) -> AuditDefect { AuditDefect(file: .leaves, index: 0, offset: 0, reason: reason) }
    var found: AuditDefect?
    do {
      try leaves.visit(size) { leaf in
        archived(leaf)
        frontier.append(leaf)
        if found == nil, frontier.size < size { found = compareWithCheckpoint() }
      }
    } catch let fault as Fault where fault.code == .invalid { return defect(fault.reason) }
    guard frontier == result.start.frontier else {
      return defect("the hashes of the \(size) archived records are not those that the log goes on from")
    }
    return found
  }

  private mutating func run(
    _ descriptor: AuditDescriptor, sealed: (Result) -> Void, visit: (UInt64, UInt64, [UInt8], TreeHash) throws -> Void
  ) throws -> AuditDefect? {
    var reader = AuditFrameReader(descriptor, offset: result.start.end, index: result.start.size, limit: .max)
    while true {
      switch try reader.next() {
      case .record(let offset, let body, let leaf):
        do { try visit(frontier.size, offset, body, leaf) } catch let fault as Fault {
          return AuditDefect(file: .records, index: frontier.size, offset: offset, reason: fault.reason)
        }
        frontier.append(leaf)
        result.size = frontier.size
        if let defect = compareWithCheckpoint() { return defect }
      case .seal(let offset, let body):
        if let defect = check(seal: body, at: offset) { return defect }
        intervalOffset = reader.offset
        result.sealedEnd = reader.offset
        sealed(result)
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
