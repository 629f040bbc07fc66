import Faults

/// A text with signatures below it, in the form of C2SP signed-note.
///
///     text, ending in a newline
///     (empty line)
///     — name base64(key id || signature)
package struct SignedNote: Hashable, Sendable {
  /// Nothing that we sign or read comes near it.
  package static let byteLimit = 64 * 1024
  private static let signatureLimit = 16

  package let text: String
  package let signatures: [Signature]

  package struct Signature: Hashable, Sendable {
    package let name: NoteKeyName
    package let keyID: [UInt8]
    /// Not verified.
    package let bytes: [UInt8]
  }

  /// - Throws: `Fault(.invalid)` when `text` is not lines of a note.
  package init(signing text: String, with signer: NoteSigner) throws {
    guard SignedNote.isText(text) else {
      throw SignedNote.invalid("sign a note", "its text is not lines without control characters")
    }
    self.text = text
    let verifier = signer.verifier
    signatures = [Signature(name: verifier.name, keyID: verifier.keyID, bytes: try signer.signature(of: text))]
  }

  /// The note with one more signature of its text, which its maker vouches for.
  ///
  /// - Throws: `Fault(.denied)` when the signature is not that key's.
  package func adding(_ signature: [UInt8], by verifier: NoteVerifier) throws -> SignedNote {
    guard verifier.isValid(signature: signature, of: text) else {
      throw Fault(
        .denied, operation: "sign a note", reason: "the signature is not by \(verifier.name)",
        remedy: "check who signs")
    }
    return SignedNote(
      text: text,
      signatures: signatures + [Signature(name: verifier.name, keyID: verifier.keyID, bytes: signature)])
  }

  private init(text: String, signatures: [Signature]) {
    self.text = text
    self.signatures = signatures
  }

  /// Reads a note and believes nothing of it: verify it next.
  ///
  /// - Throws: `Fault(.invalid)`, with what is wrong.
  package init(parsing note: String) throws {
    func invalid(_ reason: String) -> Fault { SignedNote.invalid("parse a signed note", reason) }
    let bytes = Array(note.utf8)
    guard bytes.count <= SignedNote.byteLimit else { throw invalid("it is longer than \(SignedNote.byteLimit) bytes") }
    // Bytes and not characters: a combining mark after the empty line would hide it from a search by characters.
    let newline = UInt8(ascii: "\n")
    guard bytes.last == newline else { throw invalid("it does not end in a newline") }
    guard let blank = bytes.indices.dropFirst().last(where: { bytes[$0] == newline && bytes[$0 - 1] == newline }) else {
      throw invalid("no empty line divides text and signatures")
    }
    let text = String(decoding: bytes[..<blank], as: UTF8.self)
    guard SignedNote.isText(text) else { throw invalid("its text is not lines without control characters") }
    let lines = bytes[(blank + 1)...].dropLast().split(separator: newline, omittingEmptySubsequences: false)
    guard bytes.count > blank + 1, lines.count <= SignedNote.signatureLimit else {
      throw invalid("it needs 1 to \(SignedNote.signatureLimit) signatures")
    }
    self.text = text
    self.signatures = try lines.map { line in
      guard let signature = Signature(parsing: line) else {
        throw invalid("a signature line is not of the form '— name base64'")
      }
      return signature
    }
  }

  /// Whether the holder of this very key signed the text. Signatures of other keys are no concern (C2SP signed-note).
  package func isSigned(by verifier: NoteVerifier) -> Bool {
    signatures.contains {
      $0.name == verifier.name && $0.keyID == verifier.keyID && verifier.isValid(signature: $0.bytes, of: text)
    }
  }

  /// The note as it is stored and sent.
  package var encoded: String {
    signatures.reduce(text + "\n") { $0 + "— \($1.name) \(Base64.encode($1.keyID + $1.bytes))\n" }
  }

  private static func isText(_ text: String) -> Bool {
    text.utf8.last == UInt8(ascii: "\n")
      && text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == UInt8(ascii: "\n") }
  }

  private static func invalid(_ operation: String, _ reason: String) -> Fault {
    Fault(
      .invalid, operation: operation, reason: reason, remedy: "give a note in the form of C2SP signed-note, unchanged")
  }
}

extension SignedNote.Signature {
  fileprivate init?(parsing line: ArraySlice<UInt8>) {
    let dash = Array("— ".utf8)
    guard line.starts(with: dash) else { return nil }
    let parts = line.dropFirst(dash.count).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard parts.count == 2, let name = NoteKeyName(String(decoding: parts[0], as: UTF8.self)),
      let signature = Base64.decode(String(decoding: parts[1], as: UTF8.self)), signature.count > 4
    else { return nil }
    self.init(name: name, keyID: Array(signature.prefix(4)), bytes: Array(signature.dropFirst(4)))
  }
}
