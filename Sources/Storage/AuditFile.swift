import APIModel
import AuditLog
import Dispatch
import Faults
import FoundationEssentials
import Glibc

/// The audit log on disk: append-only, durable before it answers, signed.
///
/// One process at a time has it open. `verify` needs no open file and no other's word.
package actor AuditFile {
  /// What `open` had to mend after a crash; `nil` when nothing.
  package nonisolated let recovery: AuditRecovery?
  /// The public key to check its checkpoints with, in C2SP form.
  package nonisolated let verifierKey: String

  private let writer: AuditWriter
  private let reading = DispatchQueue(label: "lobstack.audit.read")

  /// The most records that one page holds.
  package static let pageLimit = 1000

  /// Opens the log, makes it at the first start, and re-hashes every record of it that is not archived.
  ///
  /// A record that a crash cut short, which nobody was told of, is cut off; whole records that the crash left without
  /// a signature are kept and signed. `recovery` tells both.
  ///
  /// The directory is made with mode 0700 when absent; its parent must exist. `origin` names a new log, by default at
  /// random, since no other log should have the name. Appends fail when the disk takes longer than `stallLimit`.
  ///
  /// - Throws: `Fault(.conflict)` when another process has it open; `Fault(.failed)`, naming index and byte offset,
  ///   when a record is changed, missing or out of place, or records and checkpoint disagree.
  package static func open(
    directory: String, origin: NoteKeyName? = nil, stallLimit: Duration = .seconds(10)
  ) async throws -> AuditFile {
    try await onQueue(DispatchQueue(label: "lobstack.audit.open")) {
      try AuditFile(AuditDirectory(path: directory), origin: origin, stallLimit: stallLimit)
    }
  }

  private init(_ directory: AuditDirectory, origin: NoteKeyName?, stallLimit: Duration) throws {
    let opening = try AuditOpening(directory, origin: origin)
    recovery = opening.recovery
    verifierKey = opening.signer.verifier.description
    writer = AuditWriter(
      directory: directory, lock: opening.lock, signer: opening.signer, durable: opening.durable,
      stallLimit: stallLimit)
  }

  /// Returns when the record is on the disk. The record of a call that throws is not in the log, save after
  /// `Fault(.timedOut)`, when it may be.
  ///
  /// - Throws: `Fault(.invalid)` for a record over 64 KiB; `.exhausted` for a full disk or too many waiting;
  ///   `.failed` for any other refusal of the disk; `.timedOut`; `.unavailable` after `close`.
  package func append(_ record: AuditRecord) async throws -> AuditReceipt {
    try await writer.append(record.canonicalBytes())
  }

  /// Finishes the appends under way and publishes their checkpoint; later appends throw.
  package func close() async throws { try await writer.close() }

  package var head: AuditHead {
    let durable = writer.durable
    return AuditHead(first: durable.start.size, size: durable.tree.size, rootHash: "\(durable.tree.root)")
  }

  /// How long the log is on the disk.
  package nonisolated var byteCount: UInt64 { writer.durable.end }

  /// The name of the archived segment that a record lies in; `nil` for records of the log itself.
  package nonisolated func segment(of index: UInt64) -> String? {
    AuditRecords(writer.durable).segment(of: index).map(AuditSegment.name)
  }

  /// Lets go of the first `size` records, which lie in a segment that was written and verified: the log goes on from
  /// them, with the same root. Appends wait for one synchronization and a rename.
  ///
  /// The caller answers for the segment. What can be checked here is: that these records end with a seal and have this
  /// root.
  ///
  /// - Throws: `Fault(.invalid)` when no seal ends there; `.conflict` when the root is another, or the records are gone
  ///   already; else as `append`. The log is as it was.
  package func archive(first size: UInt64, rootHash: String) async throws {
    try await archive(first: size, rootHash: rootHash) { _ in }
  }

  /// - Parameter reached: told each step when it is done; what it throws ends the archiving there.
  func archive(
    first size: UInt64, rootHash: String, reached: @escaping @Sendable (AuditCut.Step) throws -> Void
  ) async throws {
    try await writer.archive(size, rootHash, reached)
  }

  /// The signed checkpoint over all durable records, as a C2SP signed note.
  package func checkpoint() -> String { writer.durable.note }

  /// Why the file `checkpoint` is behind, if it is; appends go on, sealed in the log itself.
  package var checkpointFault: Fault? { writer.checkpointFault }

  /// Up to `limit` records, at most `pageLimit`, from `index` on; none from the end on.
  ///
  /// - Throws: `Fault(.failed)` naming a record whose bytes have changed on the disk; `.notFound` naming the segment
  ///   that an archived record lies in.
  package func page(from index: UInt64, limit: Int) async throws -> [AuditEntry] {
    let stored = AuditRecords(writer.durable)
    return try await AuditFile.onQueue(reading) {
      try stored.entries(from: index, limit: min(limit, AuditFile.pageLimit))
    }
  }

  /// Proves the record in the tree of `size` records, for instance a checkpoint's; by default in that of all durable
  /// records.
  ///
  /// - Throws: `Fault(.notFound)` when the log has no such record or size; `Fault(.failed)` when the file is changed.
  package func inclusionProof(_ index: UInt64, size: UInt64? = nil) async throws -> InclusionProof {
    let stored = AuditRecords(writer.durable)
    return try await AuditFile.onQueue(reading) {
      let tree = stored.durable.tree
      return try tree.inclusionProof(index: index, size: size ?? tree.size, leaves: stored.leaves)
    }
  }

  /// - Throws: as `inclusionProof`.
  package func consistencyProof(from first: UInt64, to second: UInt64) async throws -> ConsistencyProof {
    let stored = AuditRecords(writer.durable)
    return try await AuditFile.onQueue(reading) {
      try stored.durable.tree.consistencyProof(from: first, to: second, leaves: stored.leaves)
    }
  }

  /// The root that the log had when it held `size` records.
  ///
  /// - Throws: as `inclusionProof`.
  func root(size: UInt64) async throws -> TreeHash {
    let stored = AuditRecords(writer.durable)
    return try await AuditFile.onQueue(reading) {
      try stored.durable.tree.root(size: size, leaves: stored.leaves)
    }
  }

  private static func onQueue<Value: Sendable>(
    _ queue: DispatchQueue, _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { continuation.resume(with: Result(catching: body)) }
    }
  }
}

/// Where an appended record is.
package struct AuditReceipt: Hashable, Sendable, Codable {
  package var index: UInt64
  /// Hexadecimal.
  package var leafHash: String
}

/// A stored record with its place.
package struct AuditEntry: Hashable, Sendable {
  package var index: UInt64
  package var record: AuditRecord
  /// Hexadecimal.
  package var leafHash: String
}

extension AuditRecordResource {
  package init(_ entry: AuditEntry) {
    self.init(
      index: entry.index, time: Date(timeIntervalSince1970: Double(entry.record.time) / 1_000_000_000),
      actor: entry.record.actor, action: entry.record.action, target: entry.record.target,
      outcome: entry.record.outcome, details: entry.record.details, leafHash: entry.leafHash)
  }
}

/// How many records there are, and the root over them.
package struct AuditHead: Hashable, Sendable, Codable {
  /// The first record that is not archived.
  package var first: UInt64 = 0
  package var size: UInt64
  /// Hexadecimal.
  package var rootHash: String
}

/// What a crash had left of appends that nobody was told of.
package struct AuditRecovery: Hashable, Sendable, Codable {
  /// Bytes of a frame cut short, now cut off, and where they began.
  package var discardedBytes: Int
  package var offset: UInt64
  /// Whole records without a seal, now signed: the first, and how many.
  package var firstSigned: UInt64
  package var signedRecords: UInt64
}
