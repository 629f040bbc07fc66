import AgentModel

/// The head of the audit log, signed.
package struct AuditCheckpointResource: Sendable, Codable {
  package var size: UInt64
  /// Root of the Merkle tree, hexadecimal (RFC 6962 §2.1).
  package var rootHash: String
  /// The checkpoint as a signed note (C2SP tlog-checkpoint, signed-note).
  package var note: String
  /// The public key to check the note with, in C2SP form. Whoever wants to trust it keeps a copy elsewhere.
  package var verifierKey: String
  /// The public key of the second signature, by the secrets manager, whose private half no file of the log holds; absent
  /// while the secrets manager does not answer.
  package var cosignerKey: String?

  package init(size: UInt64, rootHash: String, note: String, verifierKey: String, cosignerKey: String? = nil) {
    self.size = size
    self.rootHash = rootHash
    self.note = note
    self.verifierKey = verifierKey
    self.cosignerKey = cosignerKey
  }
}

/// Proof that one record is in the tree of a checkpoint (RFC 6962 §2.1.1).
package struct AuditProofResource: Sendable, Codable {
  package var record: AuditRecordResource
  /// The bytes that the leaf is the hash of, base64: `record` in its canonical form.
  package var recordBytes: String
  /// The size of the tree that the proof leads to; the checkpoint's.
  package var treeSize: UInt64
  package var rootHash: String
  /// Sibling hashes from the leaf to the root, hexadecimal.
  package var hashes: [String]
  /// A signed note over the size and the root.
  package var checkpoint: String
  /// The public key to check the note with. Whoever wants to trust it keeps a copy elsewhere.
  package var verifierKey: String

  package init(
    record: AuditRecordResource, recordBytes: String, treeSize: UInt64, rootHash: String, hashes: [String],
    checkpoint: String, verifierKey: String
  ) {
    self.record = record
    self.recordBytes = recordBytes
    self.verifierKey = verifierKey
    self.treeSize = treeSize
    self.rootHash = rootHash
    self.hashes = hashes
    self.checkpoint = checkpoint
  }
}

/// What the sentinel reports in one request: at most 1,000 denials.
package struct DenialReport: Sendable, Codable {
  package static let longest = 1_000
  package var items: [DenialResource]

  package init(items: [DenialResource]) { self.items = items }
}

/// The payload of an `exit` frame.
package struct ExitPayload: Sendable, Codable {
  package var code: Int32

  package init(code: Int32) { self.code = code }
}

/// Names of headers and media types that server and client share.
package enum APIProtocol {
  /// Frames in both directions.
  package static let streamMediaType = "application/vnd.lobstack.stream"
  /// One event a line or several (WHATWG HTML, "Server-sent events").
  package static let eventMediaType = "text/event-stream"
  package static let problemMediaType = "application/problem+json"
  /// Every secret of a token begins with it, so that scanners find leaked ones.
  package static let tokenPrefix = "lob_"
  /// Longest request body that is not a stream.
  package static let longestBody = 1 << 20
  /// Most items that one page of a listing holds.
  package static let longestPage = 500
}
