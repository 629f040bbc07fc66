import Faults

/// The log's promise "these are my first `size` records", in the form of C2SP tlog-checkpoint.
package struct Checkpoint: Hashable, Sendable {
  /// Names the log, and is the name of its key.
  package let origin: NoteKeyName
  package let size: UInt64
  package let root: TreeHash

  package init(origin: NoteKeyName, size: UInt64, root: TreeHash) {
    self.origin = origin
    self.size = size
    self.root = root
  }

  /// The lines that are signed: origin, size in decimal, root in base64.
  package var text: String { "\(origin)\n\(size)\n\(Base64.encode(root.bytes))\n" }

  package func signed(by signer: NoteSigner) throws -> SignedNote { try SignedNote(signing: text, with: signer) }

  /// Reads a checkpoint, only if the holder of this key signed it. Lines after the root are extensions, which do not
  /// change what the first three mean.
  ///
  /// - Throws: `Fault(.invalid)` when the note or its lines are malformed; `Fault(.denied)` when the signature or the
  ///   origin is not the key's.
  package init(verifying note: String, with verifier: NoteVerifier) throws {
    let note = try SignedNote(parsing: note)
    guard note.isSigned(by: verifier) else {
      throw Fault(
        .denied, operation: "verify a checkpoint", reason: "no signature by \(verifier.name) on it is valid",
        remedy: "compare it with a checkpoint kept elsewhere")
    }
    let checkpoint = try Checkpoint(parsing: note.text)
    guard checkpoint.origin == verifier.name else {
      throw Fault(
        .denied, operation: "verify a checkpoint",
        reason: "it is of the log \(checkpoint.origin), the key is of \(verifier.name)",
        remedy: "verify it with the key of its own log")
    }
    self = checkpoint
  }

  /// - Throws: `Fault(.invalid)`, with what is wrong.
  package init(parsing text: String) throws {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: "parse a checkpoint", reason: reason,
        remedy: "give a checkpoint in the form of C2SP tlog-checkpoint, unchanged")
    }
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map {
      String($0) ?? ""
    }
    guard lines.count >= 4, lines.last == "", !lines.dropLast().contains("") else {
      throw invalid("it is not three lines or more")
    }
    guard let origin = NoteKeyName(lines[0]) else { throw invalid("its origin is not the name of a key") }
    // A second spelling of the same size ("+5", "05") would be a second promise.
    guard let size = UInt64(lines[1]), "\(size)" == lines[1] else { throw invalid("its size is not a decimal number") }
    guard let bytes = Base64.decode(lines[2]), let root = TreeHash(bytes) else {
      throw invalid("its root is not base64 of 32 bytes")
    }
    self.init(origin: origin, size: size, root: root)
  }
}
