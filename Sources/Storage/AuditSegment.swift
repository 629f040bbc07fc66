import AuditLog
import Faults
import Glibc

/// An archived part of an audit log: a directory with `records.log`, its last seal as `checkpoint`, and `key.pub`. It is
/// a log by itself, which `AuditFile.verify` reads as any other.
package struct AuditSegment: Hashable, Sendable, Codable {
  /// The directory.
  package var path: String
  /// The first record in it, and the first after it.
  package var first: UInt64
  package var end: UInt64
  /// Of the log's first `end` records, hexadecimal.
  package var rootHash: String
  /// Of its records.
  package var bytes: UInt64

  /// What a directory with these records is called.
  static func name(_ records: Range<UInt64>) -> String { "records-\(records.lowerBound)-\(records.upperBound - 1)" }

  /// Copies the oldest records of the log in `source`, which may be written meanwhile, into a directory in `output`, up
  /// to the last seal before the first record of the time `before` or later. It has its name only when it is on the disk
  /// and was verified as it is there.
  ///
  /// - Parameters:
  ///   - before: nanoseconds since 1970.
  ///   - output: a directory that nobody else may write to: what lies in it is believed.
  /// - Returns: `nil` when there are no such records.
  /// - Throws: `Fault(.failed)` for a log that is not good; `.denied` when others may write to `output`; `.conflict`
  ///   when another archives there, or there is such a directory, and it is not this segment.
  package static func make(of source: String, before: Int64, in output: String) throws -> AuditSegment? {
    let target = try AuditDescriptor(output, O_RDONLY | O_DIRECTORY)
    try target.requireOwn()
    guard try target.lock() else {
      throw Fault(
        .conflict, operation: "archive records into \(output)", reason: "another archiving writes to it",
        remedy: "wait until that is done")
    }
    defer { target.unlock() }
    let from = AuditDirectory(path: source)
    let verifier = try from.readVerifier()
    try from.requireKnownForm()
    let checkpoint = try from.readCheckpoint(with: verifier)
    let records = try AuditDescriptor(from.records, O_RDONLY)
    guard let seal = try lastSeal(records, verifier, checkpoint, before: before, source),
      let end = seal.sealedEnd, let note = seal.sealedNote
    else { return nil }
    let segment = AuditSegment(
      path: "\(output)/\(name(seal.start.size..<seal.sealedSize))", first: seal.start.size, end: seal.sealedSize,
      rootHash: "\(seal.sealedRoot)", bytes: end)
    // Of an archiving that was cut off after it was made.
    if access(segment.path, F_OK) == 0 {
      try segment.settle(AuditDirectory(path: segment.path), verifier)
    } else {
      // A name that nothing has: what was left there by others, or by a crash, stays as it is.
      let made = AuditDirectory(path: "\(segment.path).\(UInt64.random(in: 0 ... .max)).new")
      guard mkdir(made.path, 0o700) == 0 else { throw AuditDescriptor.fault("create directory", made.path) }
      do {
        let copy = try AuditDescriptor(made.records, O_RDWR | O_CREAT | O_EXCL)
        try records.copy(0..<end, to: copy, at: 0)
        try made.replace(made.checkpoint, with: Array(note.utf8))
        try made.replace(made.publicKey, with: Array("\(verifier)\n".utf8))
        try segment.settle(made, verifier)
        guard rename(made.path, segment.path) == 0 else { throw AuditDescriptor.fault("rename", made.path) }
      } catch {
        for file in files(made) { unlink(file) }
        rmdir(made.path)
        throw error
      }
    }
    try AuditDirectory(path: output).synchronize()
    return segment
  }

  private static func files(_ directory: AuditDirectory) -> [String] {
    [directory.records, directory.checkpoint, directory.publicKey]
  }

  /// The last seal with nothing but older records before it.
  private static func lastSeal(
    _ records: AuditDescriptor, _ verifier: NoteVerifier, _ checkpoint: Checkpoint, before: Int64, _ source: String
  ) throws -> AuditReplay.Result? {
    var isOver = false
    var seal: AuditReplay.Result?
    let result = try AuditReplay.run(
      records, verifier: verifier, checkpoint: checkpoint, signatures: .every,
      sealed: { if !isOver { seal = $0 } },
      visit: { _, _, body, _ in
        if try AuditRecord(canonicalBytes: body).time >= before { isOver = true }
      })
    guard let defect = result.defect else { return seal }
    throw Fault(
      .failed, operation: "archive records of the audit log in \(source)",
      reason: defect.sentence,
      remedy: "run 'lobstack audit verify', and keep the directory as evidence")
  }

  /// Returns when the segment is on the disk, whoever wrote it there and when, and was verified as it is there.
  private func settle(_ place: AuditDirectory, _ verifier: NoteVerifier) throws {
    try AuditDescriptor(place.path, O_RDONLY | O_DIRECTORY).requireOwn()
    for path in Self.files(place) {
      let file = try AuditDescriptor(path, O_RDONLY)
      try file.requireOwn()
      try file.synchronize()
      file.forget()
    }
    try place.synchronize()
    let found = try AuditFile.verify(directory: place.path, trustedKey: verifier.description)
    guard found.ok, found.first ?? 0 == first, found.size == end, found.rootHash == rootHash,
      found.unsealedRecords == 0, found.tornBytes == 0
    else {
      throw Fault(
        .conflict, operation: "archive records into \(path)",
        reason: "what lies there is not these records: \(found.firstBad?.reason ?? "others")",
        remedy: "move it away, or name another directory; the log has let go of nothing")
    }
  }
}
