import Crypto
import Faults
import FoundationEssentials
import TextEncodings

/// The public half of a log's key, as a verifier key of C2SP signed-note: `name+key id+base64(0x01 || key)`.
package struct NoteVerifier: Sendable, CustomStringConvertible {
  package let name: NoteKeyName
  /// The first four bytes of `SHA-256(name || 0x0A || 0x01 || key)`: tells keys of one name apart, proves nothing.
  package let keyID: [UInt8]
  private let key: Curve25519.Signing.PublicKey

  fileprivate init(name: NoteKeyName, key: Curve25519.Signing.PublicKey) {
    self.name = name
    self.key = key
    let typed = [NoteKeyName.ed25519] + key.rawRepresentation
    keyID = Array(TreeHash.hash(Array(name.description.utf8) + [0x0A] + typed, after: nil).bytes.prefix(4))
  }

  /// - Parameter publicKey: 32 bytes (RFC 8032 §5.1.5).
  /// - Throws: `Fault(.invalid)` for anything else.
  package init(name: NoteKeyName, publicKey: [UInt8]) throws {
    do { self.init(name: name, key: try Curve25519.Signing.PublicKey(rawRepresentation: publicKey)) } catch {
      throw Fault(
        .invalid, operation: "read the public key of \(name)", reason: "it is no Ed25519 public key",
        remedy: "check who sent it")
    }
  }

  /// - Throws: `Fault(.invalid)` unless `text` is one Ed25519 verifier key whose key id is right.
  package init(parsing text: String) throws {
    func invalid(_ reason: String) -> Fault {
      Fault(
        .invalid, operation: "parse a verifier key", reason: reason,
        remedy: "give one line of the form name+key id+base64")
    }
    // Base64 may hold plus signs, names and key ids may not.
    let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
    guard text.utf8.count <= 1024, parts.count == 3 else { throw invalid("it is not three parts with '+' between") }
    guard let name = NoteKeyName(parts[0]) else { throw invalid("its name is empty, or holds spaces") }
    guard let typed = Base64.decode(parts[2]), typed.first == NoteKeyName.ed25519, typed.count == 33 else {
      throw invalid("its last part is not base64 of 0x01 and an Ed25519 public key")
    }
    do {
      self.init(name: name, key: try Curve25519.Signing.PublicKey(rawRepresentation: typed.dropFirst()))
    } catch { throw invalid("its last part is no Ed25519 public key: \(error)") }
    guard Hexadecimal.decode(parts[1]) == keyID else { throw invalid("its key id does not belong to its key") }
  }

  package var description: String {
    "\(name)+\(Hexadecimal.encode(keyID))+\(Base64.encode([NoteKeyName.ed25519] + key.rawRepresentation))"
  }

  func isValid(signature: [UInt8], of text: String) -> Bool {
    key.isValidSignature(Data(signature), for: Data(text.utf8))
  }
}

/// The private half of a log's key. Never printed.
package struct NoteSigner: Sendable, CustomStringConvertible, CustomReflectable {
  package let verifier: NoteVerifier
  private let key: Curve25519.Signing.PrivateKey

  /// A fresh key.
  package init(name: NoteKeyName) { self.init(name: name, key: Curve25519.Signing.PrivateKey()) }

  /// The key with this seed (RFC 8032 §5.1.5).
  ///
  /// - Throws: `Fault(.invalid)` unless the seed has 32 bytes.
  package init(name: NoteKeyName, seed: [UInt8]) throws {
    do {
      self.init(name: name, key: try Curve25519.Signing.PrivateKey(rawRepresentation: seed))
    } catch {
      throw Fault(
        .invalid, operation: "read the key of \(name)", reason: "an Ed25519 seed has 32 bytes, this has \(seed.count)",
        remedy: "restore the key file from a backup")
    }
  }

  private init(name: NoteKeyName, key: Curve25519.Signing.PrivateKey) {
    self.key = key
    verifier = NoteVerifier(name: name, key: key.publicKey)
  }

  /// 32 bytes, secret.
  package var seed: [UInt8] { Array(key.rawRepresentation) }
  package var description: String { "signer of \(verifier)" }
  /// Keeps the key out of `dump` and of failed expectations.
  package var customMirror: Mirror { Mirror(self, children: ["verifier": verifier]) }

  func signature(of text: String) throws -> [UInt8] { Array(try key.signature(for: Data(text.utf8))) }
}

/// The name of a note's key: not empty, no white space, no plus sign, no control character (C2SP signed-note).
package struct NoteKeyName: Hashable, Sendable, CustomStringConvertible {
  /// The signature type of Ed25519 in keys and key ids.
  static let ed25519: UInt8 = 0x01

  package let description: String

  /// - Returns: `nil` when `text` breaks the rule, or is longer than 255 bytes.
  package init?(_ text: String) {
    let isAllowed = text.unicodeScalars.allSatisfy {
      !$0.properties.isWhitespace && $0 != "+" && $0.value >= 0x20 && $0.value != 0x7F
    }
    guard isAllowed, !text.isEmpty, text.utf8.count <= 255 else { return nil }
    description = text
  }
}

/// Standard base64 with padding, each value with one spelling only.
package enum Base64 {
  package static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

  package static func decode(_ text: String) -> [UInt8]? {
    guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else { return nil }
    return Array(data)
  }
}
