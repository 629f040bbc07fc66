import APIModel
import AgentModel
import AuditLog
import Blueprint
import Foundation
import JSONValues
import KubernetesAPI
import KubernetesRendering
import Testing
import Verification

@testable import ClusterVerification

/// A log in memory, signed as the recorder signs its own.
private struct SmallLog {
  let signer: NoteSigner
  let records: [AuditRecord]

  init(_ count: Int, signedBy other: NoteSigner? = nil) throws {
    signer = try other ?? NoteSigner(name: #require(NoteKeyName("recorder.test/1")))
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

@Suite("Keys and notes of a cluster's log") struct CheckpointSwapTests {
  private func verdict(_ log: SmallLog, _ first: AuditCheckpointResource, _ second: AuditCheckpointResource) throws
    -> Verdict
  {
    TreeTampering(leaves: try log.leaves().map { "\($0)" }, first: first, second: second).finding().verdict
  }

  @Test("are those of the checkpoints that are told") func swapped() throws {
    let log = try SmallLog(9)
    let (first, second) = try (log.checkpoint(4), log.checkpoint(9))
    #expect(try verdict(log, first, second) == .proven)
    var forged = first
    forged.note = second.note
    #expect(try verdict(log, forged, second) == .failed)
    forged = second
    forged.note = first.note
    #expect(try verdict(log, first, forged) == .failed)
    forged.note = "no note"
    #expect(try verdict(log, first, forged) == .failed)
    // The true size and root, which nobody signed.
    forged = second
    forged.note = try SmallLog(9).checkpoint(9).note
    #expect(try verdict(log, first, forged) == .failed)
  }

  @Test("are of one key") func keys() throws {
    let (log, other) = try (SmallLog(9), SmallLog(9))
    #expect(try verdict(log, log.checkpoint(4), other.checkpoint(9)) == .failed)
    #expect(try verdict(log, other.checkpoint(4), log.checkpoint(9)) == .failed)
    let mixed = try ProofTampering(proof: other.proof(8), neighbour: log.proof(7), earlier: log.checkpoint(5))
    #expect(try mixed.finding().verdict == .failed)
    let late = try ProofTampering(proof: log.proof(8), neighbour: log.proof(7), earlier: other.checkpoint(5))
    #expect(try late.finding().verdict == .failed)
    var unsigned = try log.checkpoint(5)
    unsigned.note = try log.checkpoint(6).note
    #expect(
      try ProofTampering(proof: log.proof(8), neighbour: log.proof(7), earlier: unsigned).finding().verdict == .failed)
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
    let other = try SmallLog(4, signedBy: log.signer)
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

  private static let known = [
    AuditChecks.Known("system:serviceaccount:a:probe", in: ["records"]), AuditChecks.Known("verify-1", in: ["output"]),
  ]

  private func verdict(_ more: String, known: [AuditChecks.Known] = known) -> Verdict {
    var texts = texts
    texts["more"] = Array(more.utf8)
    return AuditChecks.judgement(texts, known: known, hidden: ["canary-0123abcd-ffff", "c2lnbmF0dXJl"]).verdict
  }

  @Test("is proven not to be there by what is, and found in whatever spelling") func judgement() {
    #expect(verdict("nothing") == .proven)
    #expect(verdict("token=c2lnbmF0dXJl") == .failed)
    #expect(verdict(Data("value: canary-0123abcd-ffff".utf8).base64EncodedString()) == .failed)
    #expect(verdict("nothing", known: [AuditChecks.Known("somebody else", in: ["records"])]) == .notTestable)
  }

  @Test("is proven by what is known in each place that has to have it") func blind() {
    // In the records, but not in the output: that was not read to where the run is.
    #expect(
      verdict("nothing", known: [AuditChecks.Known("system:serviceaccount:a:probe", in: ["output"])]) == .notTestable)
    #expect(verdict("nothing", known: Self.known + [AuditChecks.Known("verify-1", in: [])]) == .notTestable)
    #expect(verdict("nothing", known: [AuditChecks.Known("verify-1", in: ["none", "output"])]) == .proven)
  }

  @Test("is not looked for in an output that was cut, or of a Pod that ends or is not ready") func output() throws {
    func text(_ count: Int) -> ProgramOutput.Text {
      ProgramOutput.Text(place: "p", program: "control-plane", bytes: [UInt8](repeating: 0, count: count))
    }
    #expect(throws: NotTestable.self) { try ProgramOutput.requireWhole(text(ProgramOutput.longest)) }
    try ProgramOutput.requireWhole(text(ProgramOutput.longest - 1))
    func pod(_ phase: String, _ ready: String) -> KubernetesObject {
      KubernetesObject(fields: [
        "status": ["phase": .string(phase), "conditions": [["type": "Ready", "status": .string(ready)]]]
      ])
    }
    #expect(ProgramOutput.isRead(pod("Running", "True")))
    for other in [pod("Running", "False"), pod("Pending", "True"), KubernetesObject(fields: [:])] {
      #expect(!ProgramOutput.isRead(other))
    }
    var ending = pod("Running", "True")
    ending.fields["metadata"] = ["deletionTimestamp": "2026-11-28T00:00:00Z"]
    #expect(!ProgramOutput.isRead(ending))
  }

  @Test("is looked for in what was written since the run began") func span() {
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    #expect(ProgramOutput.span(since: start, at: start.addingTimeInterval(90)) == .seconds(95))
    #expect(ProgramOutput.span(since: start, at: start.addingTimeInterval(-90)) == .seconds(5))
  }

  @Test("is not all there where the newest records began after the run") func cut() {
    let start = Date(timeIntervalSince1970: 1_800_000_000)
    func records(_ offset: TimeInterval) -> [AuditRecordResource] {
      [
        AuditRecordResource(
          index: 9, time: start.addingTimeInterval(offset), actor: "a", action: "agent.create", target: "t",
          outcome: "allowed", details: [:], leafHash: "")
      ]
    }
    #expect(RecordedLog.isCut(records(1), from: 9, start: start))
    #expect(RecordedLog.isCut([], from: 9, start: start))
    #expect(!RecordedLog.isCut(records(-1), from: 9, start: start))
    #expect(!RecordedLog.isCut(records(1), from: 0, start: start))
  }

  @Test("is of a token what proves it") func token() {
    #expect(AuditChecks.proof("head.claims.signature") == "signature")
    #expect(AuditChecks.proof("opaque") == "opaque")
  }
}

@Suite("An Agent that the control plane makes for a run") struct MadeAgentTests {
  @Test("has the run's label, by which it is found when the run is interrupted") func label() async throws {
    let nowhere = KubernetesConfiguration(
      server: try ServerAddress("https://nowhere.invalid", operation: "test"), origin: "nowhere")
    let client = try KubernetesClient(nowhere, fieldManager: "test")
    let site = ClusterSite(
      client: client, mark: RunMark(id: "00000000", at: .now), values: Values(), tenant: .default, outside: "",
      warnings: ServerWarnings(), agentPod: { KubernetesObject(fields: [:]) })
    let document = site.document(.recorded)
    try await client.shutdown()
    let agent = try parseAgent(document, source: "test")
    // As the control plane writes it.
    let object = KubernetesObject(fields: try JSON(AgentText(agent, for: .cluster(namespace: "a")).json).object ?? [:])
    #expect(object.labels == [RunMark.label: "00000000"])
    #expect(object.name.hasPrefix(RunMark.agents))
    #expect(RunMark.isLeftOver(object, at: .now))
  }
}
