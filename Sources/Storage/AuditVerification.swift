import AuditLog
import Faults
import Glibc

/// What the files of an audit log prove.
package struct AuditVerification: Hashable, Sendable, Codable {
  package var ok: Bool
  /// The records that a valid signature covers: when not `ok`, those before the first bad interval.
  package var size: UInt64
  /// Root of these, hexadecimal.
  package var rootHash: String
  package var firstBad: AuditDefect?
  /// Complete records after the last seal, which nobody has acknowledged: what a crash, or a write under way, leaves.
  package var unsealedRecords: UInt64
  /// Bytes of a record cut short after these, likewise.
  package var tornBytes: Int
  /// Only when it was held against what witnesses kept.
  package var witnesses: Witnesses?
  /// The first record in the files, when those before it are archived.
  package var first: UInt64?
  /// Only when archived segments were given; the log then goes on from the last of them.
  package var segments: Segments?
}

/// The first thing in an audit log that is not as it was written.
package struct AuditDefect: Hashable, Sendable, Codable {
  package enum File: String, Hashable, Sendable, Codable {
    case records = "records.log"
    case checkpoint, key, leaves
    case publicKey = "key.pub"
    /// What was kept elsewhere, itself.
    case witness
  }

  package var file: File
  /// The record, from 0. For a defect outside `records.log`: the number of records, all of which stand.
  package var index: UInt64
  /// Byte offset in the file.
  package var offset: UInt64
  package var reason: String
  /// The directory of the archived segment that it is in, if it is in one.
  package var segment: String?

  /// "record 7 at byte 812 of records.log is not good: …".
  package var sentence: String { "record \(index) at byte \(offset) of \(file.rawValue) is not good: \(reason)" }
}

extension AuditFile {
  /// Reads every byte of the log in `directory` and trusts nothing else: not the process that writes it, which may go
  /// on writing meanwhile.
  ///
  /// Finds a byte changed, and a record dropped, added, moved or cut off, and names the first. One who also computes
  /// the stored hashes anew is caught by the signatures: then the first bad record is the first since the last good
  /// seal. Two things the files cannot show: records and checkpoint both set back to an older state of both, and a
  /// forger who has the key; against these give `trustedKey` and what was kept elsewhere.
  ///
  /// `trustedKey` is the verifier key that `key.pub` must hold, known from elsewhere; `witnessed` are checkpoints, each
  /// of which the records must extend; at least one must be of this log when any are given. Blocks for as long as it
  /// takes to read the file, in memory that does not grow with it.
  ///
  /// Of archived records there are hashes here, if the file `leaves` is there: they show that checkpoints over these
  /// records still hold. `segments` are directories of archived segments, or such in which they lie: all that the log
  /// goes on from must then be there, each record in them is read as those of the log are, and the log must extend
  /// those too that it does not go on from. A checkpoint that neither allows to compare is a defect: who has the key
  /// can begin a new log after it.
  ///
  /// - Parameter visit: given each record of the log in `directory`, before what comes after it is verified.
  /// - Throws: `Fault` when the files cannot be read. That they are wrong is a result.
  package static func verify(
    directory path: String, trustedKey: String? = nil, extending witnessed: [WitnessedNotes] = [],
    segments: [String] = [], visit: ((AuditEntry) throws -> Void)? = nil
  ) throws -> AuditVerification {
    let directory = AuditDirectory(path: path)
    var verification = AuditVerification(
      ok: false, size: 0, rootHash: "\(TreeHash.emptyRoot)", firstBad: nil, unsealedRecords: 0, tornBytes: 0)
    func bad(_ file: AuditDefect.File, _ error: any Error) -> AuditVerification {
      let reason = (error as? Fault)?.reason ?? "\(error)"
      verification.firstBad = AuditDefect(file: file, index: verification.size, offset: 0, reason: reason)
      return verification
    }

    // A directory that is absent or closed to us is no finding about a log.
    guard access(path, R_OK | X_OK) == 0 else { throw AuditDescriptor.fault("read", path) }
    guard access(directory.publicKey, F_OK) == 0 || access(directory.records, F_OK) == 0 else {
      throw AuditDescriptor.fault("read", directory.records)
    }
    let verifier: NoteVerifier
    do { verifier = try directory.readVerifier() } catch { return bad(.publicKey, error) }
    if let trustedKey, trustedKey != verifier.description {
      return bad(
        .publicKey,
        Fault(.denied, operation: "verify", reason: "it is not the trusted key", remedy: "compare both keys"))
    }
    let kept: [KeptCheckpoint]
    do {
      (kept, verification.witnesses) = try KeptCheckpoint.read(
        witnessed, verifier, isKeyTrusted: trustedKey != nil)
    } catch { return bad(.witness, error) }
    // Before the records: a log that grows meanwhile is then never shorter than its checkpoint.
    let checkpoint = Swift.Result { try directory.readCheckpoint(with: verifier) }
    let records: AuditDescriptor
    do { records = try AuditDescriptor(directory.records, O_RDONLY) } catch let fault as Fault
      where fault.code == .notFound
    {
      return bad(.records, fault)
    }
    // After the file was opened: what the log lets go of was in a segment before.
    var chain = segments.isEmpty ? nil : try AuditChain(segments, verifier, kept)
    // What cannot be read is a defect below.
    let first = (try? AuditStart.read(records, verifier: verifier))?.size ?? 0
    // A failure to parse the checkpoint is told after the records, since these may be the earlier damage.
    let result = try AuditReplay.run(
      records, leaves: try directory.openLeaves(), verifier: verifier, checkpoint: try? checkpoint.get(),
      kept: chain?.kept(after: first) ?? kept, signatures: .every,
      visit: { index, _, body, leaf in
        let record = try AuditRecord(canonicalBytes: body)
        try visit?(AuditEntry(index: index, record: record, leafHash: "\(leaf)"))
      })
    verification.first = result.start.size > 0 ? result.start.size : nil
    verification.size = result.sealedSize
    verification.rootHash = "\(result.sealedRoot)"
    verification.firstBad = result.defect
    if result.defect == nil {
      if case .failure(let error) = checkpoint { return bad(.checkpoint, error) }
      if chain != nil {
        verification.firstBad = try chain?.verify(before: result.start)
        verification.segments = chain?.segments
        guard verification.firstBad == nil else { return verification }
      } else if result.uncompared > 0 {
        verification.witnesses?.uncompared = result.uncompared
        return bad(
          .leaves,
          Fault(
            .notFound, operation: "verify",
            reason:
              "it is missing, so checkpoints kept elsewhere over archived records cannot be compared: "
              + "\(result.uncompared); the log may be another, begun after them: give its file leaves, or its segments",
            remedy: "copy leaves from the log's directory"))
      }
      verification.ok = true
      verification.unsealedRecords = result.size - result.sealedSize
      verification.tornBytes = result.tornBytes
    }
    return verification
  }
}
