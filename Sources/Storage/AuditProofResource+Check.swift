import APIModel
import AuditLog
import Faults
import Foundation

extension AuditProofResource {
  /// Checks that a record is in the log. The platform's word is not taken for it: from the record's bytes to the signature,
  /// each has to follow from the one before.
  ///
  /// - Parameter key: that the log must be signed with; `nil` takes the answer's.
  /// - Throws: `Fault(.failed)` with what does not follow; `Fault` for a record or a checkpoint that is none, or that the
  ///   key has not signed.
  package func check(index: UInt64, key: String? = nil) throws {
    func broken(_ reason: String) -> Fault {
      Fault(
        .failed, operation: "prove audit record \(index)", reason: reason, remedy: "run 'lobstack audit verify'")
    }
    guard let bytes = Data(base64Encoded: recordBytes).map(Array.init), record.index == index else {
      throw broken("the answer is not of this record")
    }
    let told = try AuditRecord(canonicalBytes: bytes)
    guard
      told.actor == record.actor, told.action == record.action, told.target == record.target,
      told.outcome == record.outcome, told.details == record.details,
      abs(Double(told.time) / 1e9 - record.time.timeIntervalSince1970) < 0.002
    else { throw broken("the record's bytes say something else than the record") }
    let leaf = TreeHash.leaf(bytes)
    guard record.leafHash == "\(leaf)" else { throw broken("the leaf hash is not that of the record's bytes") }
    let siblings = hashes.compactMap { TreeHash(hex: $0) }
    guard let root = TreeHash(hex: rootHash), siblings.count == hashes.count,
      InclusionProof(index: index, size: treeSize, hashes: siblings).proves(leaf: leaf, root: root)
    else { throw broken("the hashes do not lead to the root") }
    let signed = try Checkpoint(verifying: checkpoint, with: try NoteVerifier(parsing: key ?? verifierKey))
    guard signed.size == treeSize, signed.root == root else { throw broken("the checkpoint is over another tree") }
  }
}
