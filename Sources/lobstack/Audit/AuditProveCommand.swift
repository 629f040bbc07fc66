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
    try proof.check(index: index, key: key)
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
