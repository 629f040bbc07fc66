import APIModel
import AuditLog
import Faults
import Foundation
import Storage
import Verification

/// A record's proof, forged in several ways: each has to be refused by whoever checks it, and is believed by who does not.
struct ProofTampering {
  /// Of the newest record.
  let proof: AuditProofResource
  /// Of the one before it.
  let neighbour: AuditProofResource
  /// From before that record was there. Its key has to be the others', too.
  let earlier: AuditCheckpointResource

  private var key: String { earlier.verifierKey }

  /// - Throws: `Fault` for a record that is none.
  func finding() throws -> Finding {
    do { try earlier.check(key: key) } catch let fault as Fault {
      return Finding(.failed, evidence: ["the checkpoint of \(earlier.size) records is not proven: \(fault.reason)"])
    }
    for proof in [proof, neighbour] {
      do { try proof.check(index: proof.record.index, key: key) } catch let fault as Fault {
        return Finding(.failed, evidence: ["record \(proof.record.index) as it stands is not proven: \(fault.reason)"])
      }
    }
    let index = proof.record.index
    return Finding([
      trial("change record \(index), its hash with it", try changed()),
      trial("put record \(neighbour.record.index) in the place of \(index)", moved()),
      trial("set the log back to its \(earlier.size) first records", setBack()),
      trial("sign a root of one's own", resigned()),
    ])
  }

  private func trial(_ attack: String, _ forged: AuditProofResource) -> Trial {
    let real: AttackOutcome
    do {
      try forged.check(index: proof.record.index, key: key)
      real = .succeeded("the forged record is taken for a true one")
    } catch { real = .prevented(oneLine((error as? Fault)?.reason ?? "\(error)")) }
    let bytes = Data(base64Encoded: forged.recordBytes).map(Array.init) ?? []
    let read = try? AuditRecord(canonicalBytes: bytes)  // one that cannot be read deceives nobody
    return Trial(
      attack,
      withoutControl: read.map { .succeeded("who does not check reads '\($0.action)' of \($0.actor)") }
        ?? .unknown("the forged record cannot be read"),
      withControl: real)
  }

  private func changed() throws -> AuditProofResource {
    var forged = proof
    var record = try AuditRecord(canonicalBytes: Data(base64Encoded: proof.recordBytes).map(Array.init) ?? [])
    record.actor = "nobody"
    let bytes = try record.canonicalBytes()
    forged.record.actor = record.actor
    forged.record.leafHash = "\(TreeHash.leaf(bytes))"
    forged.recordBytes = Data(bytes).base64EncodedString()
    return forged
  }

  private func moved() -> AuditProofResource {
    var forged = proof
    forged.record = neighbour.record
    forged.record.index = proof.record.index
    forged.recordBytes = neighbour.recordBytes
    return forged
  }

  private func setBack() -> AuditProofResource {
    var forged = proof
    (forged.checkpoint, forged.treeSize, forged.rootHash) = (earlier.note, earlier.size, earlier.rootHash)
    return forged
  }

  /// The signature of the true checkpoint under another text.
  private func resigned() -> AuditProofResource {
    var forged = proof
    var lines = proof.checkpoint.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    if lines.count > 2 { lines[2] = Data(TreeHash.leaf([]).bytes).base64EncodedString() }
    forged.checkpoint = lines.joined(separator: "\n")
    return forged
  }
}

/// All the leaves of a log, and two signed checkpoints of it: the first has to be the beginning of the second, and no other
/// leaves lead to their roots.
struct TreeTampering {
  /// Hexadecimal, in their order.
  let leaves: [String]
  let first: AuditCheckpointResource
  let second: AuditCheckpointResource

  func finding() -> Finding {
    let hashes = leaves.compactMap { TreeHash(hex: $0) }
    let size = Int(clamping: second.size)
    guard hashes.count == leaves.count, hashes.count >= size, size > 1, first.size <= second.size else {
      return Finding(.failed, evidence: ["the log has \(hashes.count) records, and says that it has \(second.size)"])
    }
    for checkpoint in [first, second] {
      do { try checkpoint.check(key: first.verifierKey) } catch {
        let reason = oneLine((error as? Fault)?.reason ?? "\(error)")
        return Finding(.failed, evidence: ["the checkpoint of \(checkpoint.size) records is not proven: \(reason)"])
      }
    }
    let kept = Array(hashes.prefix(size))
    for checkpoint in [first, second] where root(kept.prefix(Int(clamping: checkpoint.size))) != checkpoint.rootHash {
      return Finding(.failed, evidence: ["the records do not lead to the root of the first \(checkpoint.size)"])
    }
    let middle = size / 2
    var (dropped, exchanged) = (kept, kept)
    dropped.remove(at: middle)
    exchanged.swapAt(middle, middle - 1)
    var finding = Finding([
      trial("drop record \(middle)", dropped), trial("exchange records \(middle - 1) and \(middle)", exchanged),
      trial("cut the log off after \(size - 1) records", Array(kept.dropLast())),
    ])
    finding.evidence.append(
      "the \(size) records lead to both signed roots, that of the first \(first.size) and that of all")
    return finding
  }

  private func trial(_ attack: String, _ altered: [TreeHash]) -> Trial {
    Trial(
      attack,
      withoutControl: altered.isEmpty ? .unknown("no record is left") : .succeeded("\(altered.count) records are left"),
      withControl: root(altered[...]) == second.rootHash
        ? .succeeded("they lead to the signed root") : .prevented("they do not lead to the signed root"))
  }

  private func root(_ leaves: ArraySlice<TreeHash>) -> String {
    var frontier = MerkleFrontier()
    for leaf in leaves { frontier.append(leaf) }
    return "\(frontier.root)"
  }
}

extension AuditCheckpointResource {
  /// That it says what the holder of this key signed.
  ///
  /// - Throws: `Fault`.
  func check(key: String) throws {
    let signed = try Checkpoint(verifying: note, with: NoteVerifier(parsing: key))
    guard signed.size == size, "\(signed.root)" == rootHash else {
      throw Fault(
        .failed, operation: "verify a checkpoint", reason: "its note is over another tree",
        remedy: "look at the recorder")
    }
  }
}
