import APIModel
import AuditLog
import Foundation
import Testing
import Verification

@testable import ClusterVerification

/// A log in memory, signed as the recorder signs its own.
private struct SmallLog {
  let signer: NoteSigner
  let records: [AuditRecord]

  init(_ count: Int) throws {
    signer = NoteSigner(name: try #require(NoteKeyName("recorder.test/1")))
    records = (0..<count).map {
      AuditRecord(
        at: Date(timeIntervalSince1970: 1_800_000_000 + Double($0)), actor: "system:serviceaccount:ci:ci",
        action: "agent.create", target: "agent acme/bot-\($0)", outcome: "allowed")
    }
  }

  func leaves() throws -> [TreeHash] { try records.map { TreeHash.leaf(try $0.canonicalBytes()) } }

  private func tree(_ size: Int) throws -> MerkleTree {
    var tree = MerkleTree()
    for leaf in try leaves().prefix(size) { tree.append(leaf) }
    return tree
  }

  func checkpoint(_ size: Int) throws -> AuditCheckpointResource {
    let root = try tree(size).root
    let note = try Checkpoint(origin: signer.verifier.name, size: UInt64(size), root: root).signed(by: signer).encoded
    return AuditCheckpointResource(
      size: UInt64(size), rootHash: "\(root)", note: note, verifierKey: "\(signer.verifier)")
  }

  func proof(_ index: Int) throws -> AuditProofResource {
    let (record, end) = (records[index], try checkpoint(records.count))
    let bytes = try record.canonicalBytes()
    let path = try tree(records.count).inclusionProof(
      index: UInt64(index), size: end.size, leaves: { _ in [] })
    return AuditProofResource(
      record: AuditRecordResource(
        index: UInt64(index), time: Date(timeIntervalSince1970: Double(record.time) / 1e9), actor: record.actor,
        action: record.action, target: record.target, outcome: record.outcome, details: record.details,
        leafHash: "\(TreeHash.leaf(bytes))"),
      recordBytes: Data(bytes).base64EncodedString(), treeSize: end.size, rootHash: end.rootHash,
      hashes: path.hashes.map { "\($0)" }, checkpoint: end.note, verifierKey: end.verifierKey)
  }
}

@Suite("Forged records of a cluster's log") struct ProofTamperingTests {
  @Test("are refused each, and believed by who does not check") func forged() throws {
    let log = try SmallLog(9)
    let finding = try ProofTampering(proof: log.proof(8), neighbour: log.proof(7), earlier: log.checkpoint(5)).finding()
    #expect(finding.verdict == .proven, "\(finding.evidence)")
    #expect(finding.evidence.count == 8)
  }

  @Test("are not shown by a log that is not proven as it stands") func broken() throws {
    let log = try SmallLog(9)
    var proof = try log.proof(8)
    proof.record.actor = "somebody"
    #expect(
      try ProofTampering(proof: proof, neighbour: log.proof(7), earlier: log.checkpoint(5)).finding().verdict == .failed
    )
    var other = try log.proof(7)
    other.hashes.removeLast()
    #expect(
      try ProofTampering(proof: log.proof(8), neighbour: other, earlier: log.checkpoint(5)).finding().verdict == .failed
    )
  }
}

@Suite("All records of a cluster's log") struct TreeTamperingTests {
  private func finding(_ log: SmallLog, leaves: [TreeHash], first: Int = 4) throws -> Finding {
    TreeTampering(
      leaves: leaves.map { "\($0)" }, first: try log.checkpoint(first), second: try log.checkpoint(log.records.count)
    ).finding()
  }

  @Test("lead to both signed roots, and no others do") func whole() throws {
    let log = try SmallLog(9)
    let found = try finding(log, leaves: log.leaves())
    #expect(found.verdict == .proven, "\(found.evidence)")
    // Records that came since are no harm.
    #expect(try finding(log, leaves: log.leaves() + [TreeHash.leaf([1])]).verdict == .proven)
  }

  @Test("fail where one is another, or missing, or was not there at first") func altered() throws {
    let log = try SmallLog(9)
    var leaves = try log.leaves()
    leaves[2] = .leaf([])
    #expect(try finding(log, leaves: leaves).verdict == .failed)
    #expect(try finding(log, leaves: Array(log.leaves().dropLast())).verdict == .failed)
    // A log that was written anew after the first checkpoint.
    let other = try SmallLog(4)
    let rewritten = TreeTampering(
      leaves: try log.leaves().map { "\($0)" },
      first: AuditCheckpointResource(
        size: 4, rootHash: "\(TreeHash.leaf([7]))", note: try other.checkpoint(4).note,
        verifierKey: "\(other.signer.verifier)"), second: try log.checkpoint(9))
    #expect(rewritten.finding().verdict == .failed)
  }
}

@Suite("What is looked for in what is written down") struct WrittenValuesTests {
  private let texts = [
    "records": Array(#"[{"actor":"system:serviceaccount:a:probe"}]"#.utf8), "output": Array("verify-1 was set".utf8),
  ]

  private func verdict(_ more: String, known: [String] = ["system:serviceaccount:a:probe", "verify-1"]) -> Verdict {
    var texts = texts
    texts["more"] = Array(more.utf8)
    return AuditChecks.judgement(texts, known: known, hidden: ["canary-0123abcd-ffff", "c2lnbmF0dXJl"]).verdict
  }

  @Test("is proven not to be there by what is, and found in whatever spelling") func judgement() {
    #expect(verdict("nothing") == .proven)
    #expect(verdict("token=c2lnbmF0dXJl") == .failed)
    #expect(verdict(Data("value: canary-0123abcd-ffff".utf8).base64EncodedString()) == .failed)
    #expect(verdict("nothing", known: ["somebody else"]) == .notTestable)
  }

  @Test("is of a token what proves it") func token() {
    #expect(AuditChecks.proof("head.claims.signature") == "signature")
    #expect(AuditChecks.proof("opaque") == "opaque")
  }
}
