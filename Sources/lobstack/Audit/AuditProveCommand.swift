import APIClient
import APIModel
import ArgumentParser
import AuditLog
import Faults
import Foundation
import Storage

struct AuditProveCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prove", abstract: "Prove that a record is in the audit log.",
    discussion: """
      Prints the hashes that lead from the record to the signed root, after checking here that the record's bytes, the \
      hashes, the root and the signature belong together. With --key nothing that the platform says is taken on trust.
      """)

  @Argument(help: "Number of the record.")
  var index: UInt64

  @Option(
    help: ArgumentHelp("Directory of a log to read instead of asking the platform.", valueName: "directory"),
    completion: .directory)
  var directory: String?

  @Option(help: ArgumentHelp("The key that the log must be signed with, from elsewhere.", valueName: "verifier key"))
  var key: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var format: OutputOptions

  func run() async throws {
    let index = index
    let proof: AuditProofResource =
      if let directory {
        try await AuditCopy(of: directory).proof(index: index)
      } else {
        try await connection.withClient { try await $0.auditProof(index: index) }
      }
    try check(proof)
    try format.print(proof) {
      """
      record \(proof.record.index), \(proof.record.action) of \(proof.record.target), is in the tree of \
      \(proof.treeSize) records
      leaf   \(proof.record.leafHash)
      \(proof.hashes.map { "hash   \($0)" }.joined(separator: "\n"))
      root   \(proof.rootHash)

      \(proof.checkpoint)
      key    \(proof.verifierKey)
      """
    }
  }

  /// The platform's word is not taken for it: from the record's bytes to the signature, each has to follow from the one
  /// before.
  private func check(_ proof: AuditProofResource) throws {
    func broken(_ reason: String) -> Fault {
      Fault(
        .failed, operation: "prove audit record \(index)", reason: reason, remedy: "run 'lobstack audit verify'")
    }
    guard let bytes = Data(base64Encoded: proof.recordBytes).map(Array.init), proof.record.index == index else {
      throw broken("the answer is not of this record")
    }
    let record = try AuditRecord(canonicalBytes: bytes)
    let shown = proof.record
    guard
      record.actor == shown.actor, record.action == shown.action, record.target == shown.target,
      record.outcome == shown.outcome, record.details == shown.details,
      abs(Double(record.time) / 1e9 - shown.time.timeIntervalSince1970) < 0.002
    else { throw broken("the record's bytes say something else than the record") }
    let leaf = TreeHash.leaf(bytes)
    guard shown.leafHash == "\(leaf)" else { throw broken("the leaf hash is not that of the record's bytes") }
    let hashes = proof.hashes.compactMap { TreeHash(hex: $0) }
    guard let root = TreeHash(hex: proof.rootHash), hashes.count == proof.hashes.count,
      InclusionProof(index: index, size: proof.treeSize, hashes: hashes).proves(leaf: leaf, root: root)
    else { throw broken("the hashes do not lead to the root") }
    let verifier = try NoteVerifier(parsing: key ?? proof.verifierKey)
    let checkpoint = try Checkpoint(verifying: proof.checkpoint, with: verifier)
    guard checkpoint.size == proof.treeSize, checkpoint.root == root else {
      throw broken("the checkpoint is over another tree")
    }
  }
}

/// A copy of an audit log, because opening one mends it, and evidence is not to be mended.
private struct AuditCopy {
  let directory: String

  init(of directory: String) { self.directory = directory }

  func proof(index: UInt64) async throws -> AuditProofResource {
    let operation = "read the audit log in \(directory)"
    let copy = FileManager.default.temporaryDirectory.appending(path: "lobstack-audit-\(UUID().uuidString)")
    // A temporary directory that stays behind does no harm.
    defer { try? FileManager.default.removeItem(at: copy) }
    do {
      try FileManager.default.copyItem(atPath: directory, toPath: copy.path)
    } catch {
      throw Fault(
        .failed, operation: operation, reason: "it cannot be copied", remedy: "check the path and run as root",
        cause: error)
    }
    let file = try await AuditFile.open(directory: copy.path)
    guard let entry = try await file.page(from: index, limit: 1).first else {
      throw Fault(
        .notFound, operation: operation, reason: "there is no record \(index)", remedy: "give the number of a record")
    }
    let head = await file.head
    let proof = try await file.inclusionProof(index, size: head.size)
    let checkpoint = await file.checkpoint()
    try await file.close()
    return AuditProofResource(
      record: AuditRecordResource(entry),
      recordBytes: Data(try entry.record.canonicalBytes()).base64EncodedString(), treeSize: head.size,
      rootHash: head.rootHash, hashes: proof.hashes.map { "\($0)" }, checkpoint: checkpoint,
      verifierKey: file.verifierKey)
  }
}
