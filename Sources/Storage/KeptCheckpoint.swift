import AuditLog
import Faults

/// A checkpoint that was kept elsewhere, signed by the log's key.
struct KeptCheckpoint: Sendable {
  var checkpoint: Checkpoint
  /// Where it stands.
  var source: String
}

extension AuditVerification {
  /// What the log was held against, and found to extend.
  package struct Witnesses: Hashable, Sendable, Codable {
    /// Checkpoints of this log.
    package var checkpoints: Int
    /// Records that the longest of them covers; what comes after them nobody else vouches for.
    package var size: UInt64
    /// Checkpoints of other logs, left out because the log's key was given.
    package var otherLogs: Int
    /// Lines that hold only the beginning of a checkpoint.
    package var unreadableLines: Int
    /// Checkpoints over archived records alone, which nothing here could be held against; `nil` when there are none.
    package var uncompared: Int?
  }
}

extension KeptCheckpoint {
  /// Believes those that the log's key signed.
  ///
  /// - Parameter isKeyTrusted: whether the key is known from elsewhere. If it is not, a checkpoint of another log may
  ///   be one of the log that stood in this one's place, so it is refused; else it is another's.
  /// - Throws: `Fault` with what is wrong with the first that is not right, or when there is none of this log.
  static func read(
    _ witnessed: [WitnessedNotes], _ verifier: NoteVerifier, isKeyTrusted: Bool
  ) throws -> (kept: [KeptCheckpoint], summary: AuditVerification.Witnesses?) {
    guard !witnessed.isEmpty else { return ([], nil) }
    var kept: [KeptCheckpoint] = []
    var summary = AuditVerification.Witnesses(
      checkpoints: 0, size: 0, otherLogs: 0, unreadableLines: witnessed.reduce(0) { $0 + $1.unreadableLines })
    for note in witnessed.lazy.flatMap(\.notes) {
      do {
        let origin = try Checkpoint(parsing: try SignedNote(parsing: note.note).text).origin
        guard origin == verifier.name || isKeyTrusted else {
          throw refusal("it is of the log \(origin), and this is the log \(verifier.name), which stands in its place")
        }
        guard origin == verifier.name else {
          summary.otherLogs += 1
          continue
        }
        kept.append(
          KeptCheckpoint(checkpoint: try Checkpoint(verifying: note.note, with: verifier), source: note.source))
      } catch {
        throw refusal("\(note.source): \((error as? Fault)?.reason ?? "\(error)")")
      }
    }
    guard !kept.isEmpty else { throw refusal("what was given holds no checkpoint of \(verifier.name)") }
    summary.checkpoints = kept.count
    summary.size = kept.map(\.checkpoint.size).max() ?? 0
    return (kept, summary)
  }

  private static func refusal(_ reason: String) -> Fault {
    Fault(
      .denied, operation: "read what a witness kept", reason: reason,
      remedy: "compare it with the log's key; give the key to leave out checkpoints of other logs")
  }
}

extension AuditFile {
  /// Holds the open log against what a witness kept of it.
  ///
  /// - Returns: how many checkpoints it extends; 0 for a witness that holds nothing yet.
  /// - Throws: `Fault(.denied)` when one of them is not by this log's key, or not of a beginning of this log: it was
  ///   set back, written anew or replaced; `Fault(.failed)` when the log cannot be read.
  package func extends(_ witnessed: WitnessedNotes) async throws -> Int {
    guard !witnessed.notes.isEmpty || witnessed.unreadableLines > 0 else { return 0 }
    let (kept, _) = try KeptCheckpoint.read(
      [witnessed], try NoteVerifier(parsing: verifierKey), isKeyTrusted: false)
    for kept in kept {
      let (checkpoint, size) = (kept.checkpoint, head.size)
      func refused(_ reason: String) -> Fault {
        Fault(
          .denied, operation: "hold the audit log against its witness", reason: "\(reason) (\(kept.source))",
          remedy: "find out why with 'lobstack audit verify --witness FILE'; after a backup was restored, keep the "
            + "witness's file under another name and put an empty one in its place")
      }
      guard checkpoint.size <= size else {
        throw refused(
          "the log has \(size) records, and the witness saw \(checkpoint.size): it was set back or cut short")
      }
      guard try await root(size: checkpoint.size) == checkpoint.root else {
        throw refused("the first \(checkpoint.size) records of the log are not those that the witness saw")
      }
    }
    return kept.count
  }
}
