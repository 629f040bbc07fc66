import AuditLog
import Crypto
import Faults
import SeededRandom
import Testing

@Suite("The signed checkpoint") struct CheckpointTests {
  private let signer: NoteSigner
  private let note: String

  init() throws {
    let name = try #require(NoteKeyName("example.com/log"))
    signer = try NoteSigner(name: name, seed: Array(0..<32))
    note = try Checkpoint(origin: name, size: 300, root: .leaf([1])).signed(by: signer).encoded
  }

  @Test("is a note of origin, size, root and one signature line") func form() throws {
    let lines = note.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == 6)
    #expect(lines[0] == "example.com/log")
    #expect(lines[1] == "300")
    #expect(lines[2].count == 44)
    #expect(lines[3] == "")
    #expect(lines[4].hasPrefix("— example.com/log "))
    #expect(lines[5] == "")
  }

  @Test("can bear a second signature under the log's name, by a key of its own") func cosigned() throws {
    let name = signer.verifier.name
    let key = Curve25519.Signing.PrivateKey()
    let verifier = try NoteVerifier(name: name, publicKey: Array(key.publicKey.rawRepresentation))
    let plain = try SignedNote(parsing: note)
    let signature = Array(try key.signature(for: Array(plain.text.utf8)))
    let both = try plain.adding(signature, by: verifier)
    for verifier in [signer.verifier, verifier] {
      #expect(try Checkpoint(verifying: both.encoded, with: verifier).size == 300)
    }
    #expect(throws: Fault.self) { try plain.adding(signature.reversed(), by: verifier) }
    #expect(throws: Fault.self) { try Checkpoint(verifying: note, with: verifier) }
    #expect(throws: Fault.self) { try NoteVerifier(name: name, publicKey: [1, 2, 3]) }
  }

  @Test("has the key id that C2SP defines") func keyID() throws {
    let parts = signer.verifier.description.split(separator: "+", maxSplits: 2).map(String.init)
    let key = try Curve25519.Signing.PrivateKey(rawRepresentation: [UInt8](0..<32)).publicKey.rawRepresentation
    let digest = SHA256.hash(data: Array("example.com/log".utf8) + [0x0A, 0x01] + key)
    #expect(signer.verifier.keyID == Array(digest.prefix(4)))
    #expect(parts[0] == "example.com/log")
    #expect(parts[1] == digest.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
  }

  @Test("comes back when its signature is good") func roundTrip() throws {
    let verifier = try NoteVerifier(parsing: signer.verifier.description)
    let checkpoint = try Checkpoint(verifying: note, with: verifier)
    #expect(checkpoint == Checkpoint(origin: verifier.name, size: 300, root: .leaf([1])))
    #expect(try SignedNote(parsing: note).encoded == note)
  }

  @Test("is refused after any one-byte change") func tampering() {
    let bytes = Array(note.utf8)
    for place in bytes.indices {
      for bit in 0..<8 {
        var changed = bytes
        changed[place] ^= 1 << UInt8(bit)
        guard let text = String(validating: changed, as: UTF8.self) else { continue }
        #expect(throws: Fault.self) { try Checkpoint(verifying: text, with: signer.verifier) }
      }
      #expect(throws: Fault.self) {
        try Checkpoint(verifying: String(decoding: bytes.prefix(place), as: UTF8.self), with: signer.verifier)
      }
    }
  }

  @Test("is refused from another key, also of the same name") func otherKey() throws {
    let impostor = NoteSigner(name: signer.verifier.name)
    #expect(throws: Fault.self) { try Checkpoint(verifying: note, with: impostor.verifier) }
    let other = NoteSigner(name: try #require(NoteKeyName("other.example")))
    let foreign = try Checkpoint(origin: signer.verifier.name, size: 1, root: .emptyRoot).signed(by: other).encoded
    #expect(throws: Fault.self) { try Checkpoint(verifying: foreign, with: signer.verifier) }
    #expect(throws: Fault.self) { try Checkpoint(verifying: foreign, with: other.verifier) }
  }

  @Test("may carry signatures of witnesses and extension lines") func witnesses() throws {
    let cosigned = note + "— witness.example AAAAAAAAAAA=\n"
    #expect(try Checkpoint(verifying: cosigned, with: signer.verifier).size == 300)
    let checkpoint = Checkpoint(origin: signer.verifier.name, size: 7, root: .emptyRoot)
    let extended = try SignedNote(signing: checkpoint.text + "extension\n", with: signer).encoded
    #expect(try Checkpoint(verifying: extended, with: signer.verifier) == checkpoint)
  }

  @Test(
    "has one spelling of each line",
    arguments: [
      "", "\n", "o\n1\n", "o\n+1\nROOT\n", "o\n01\nROOT\n", "o\n-1\nROOT\n", "o\n18446744073709551616\nROOT\n",
      "\n1\nROOT\n",
      "o\n1\nROOT", "o\n1\nAAAA\n", "o\n1\nROOT=\n", "o\n1\nROOT\n\n", "o p\n1\nROOT\n", "o\n1 \nROOT\n",
      "o\n١\nROOT\n",
    ]) func malformed(text: String)
  {
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    #expect(throws: Never.self) { try Checkpoint(parsing: "o\n1\n\(root)\n") }
    #expect(throws: Fault.self) {
      try Checkpoint(parsing: text.split(separator: "ROOT", omittingEmptySubsequences: false).joined(separator: root))
    }
  }

  @Test("is parsed from hostile text without a trap") func fuzz() {
    var random = SplitMix64(seed: 3)
    let bytes = Array(note.utf8)
    let key = Array(signer.verifier.description.utf8)
    for _ in 0..<5_000 {
      let changed = random.mutation(of: bytes)
      if changed != bytes {
        #expect(throws: Fault.self) {
          // Repaired text may be the note again where only the repair differs, never with another meaning.
          let checkpoint = try Checkpoint(verifying: String(decoding: changed, as: UTF8.self), with: signer.verifier)
          if checkpoint.size == 300, checkpoint.root == .leaf([1]) {
            throw Fault(.invalid, operation: "fuzz", reason: "same meaning", remedy: "none")
          }
        }
      }
      let changedKey = random.mutation(of: key)
      if let verifier = try? NoteVerifier(parsing: String(decoding: changedKey, as: UTF8.self)) {
        #expect(verifier.description == String(decoding: changedKey, as: UTF8.self))
      }
      _ = try? SignedNote(parsing: String(decoding: random.bytes(upTo: 200), as: UTF8.self))
    }
  }

  @Test(
    "knows a verifier key only in its one form",
    arguments: ["", "+", "++", "a+b+c", "example.com/log", "a b+00000000+AQ==", "n+zzzzzzzz+AQ=="])
  func malformedKey(text: String) {
    #expect(throws: Fault.self) { try NoteVerifier(parsing: text) }
    #expect(throws: Fault.self) { try NoteVerifier(parsing: signer.verifier.description + "=") }
    #expect(throws: Fault.self) { try NoteVerifier(parsing: signer.verifier.description.uppercased()) }
  }

  @Test("keeps its key's name to one word", arguments: ["", "a b", "a+b", "a\n", "a\u{A0}b", "a\u{0}"])
  func names(text: String) { #expect(NoteKeyName(text) == nil) }

  @Test("never prints the seed") func secrecy() {
    var dumped = ""
    dump(signer, to: &dumped)
    #expect(!dumped.contains("rivate"))
    #expect(!"\(signer)".contains("rivate"))
  }
}
