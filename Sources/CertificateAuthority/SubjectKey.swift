import Crypto
import Faults
import SwiftASN1
import TextEncodings
import X509

/// The public key that a certificate is issued to: P-256.
package struct SubjectKey: Hashable, Sendable, CustomStringConvertible {
  let key: P256.Signing.PublicKey
  /// SubjectPublicKeyInfo in DER.
  package let der: [UInt8]
  /// Longest request or key that is read; a P-256 request without attributes takes about 200 bytes.
  private static let byteLimit = 8 * 1024

  init(_ key: P256.Signing.PublicKey) {
    self.key = key
    der = Array(key.derRepresentation)
  }

  /// Takes the key out of a certificate request (PKCS #10), and nothing else: names and extensions that it asks for
  /// have no say.
  ///
  /// - Throws: `Fault(.invalid)` unless the sender holds the private key, which the request's own signature shows.
  package init(certificateRequest der: [UInt8]) throws {
    try Self.checkSize(der, what: "certificate request")
    let request: CertificateSigningRequest
    do { request = try CertificateSigningRequest(derEncoded: der) } catch {
      throw Self.invalid("certificate request", "it is not one PKCS #10 request in DER")
    }
    guard let key = P256.Signing.PublicKey(request.publicKey) else {
      throw Self.invalid("certificate request", "its key is not of P-256")
    }
    guard request.publicKey.isValidSignature(request.signature, for: request) else {
      throw Self.invalid("certificate request", "its signature is not by its own key")
    }
    self.init(key)
  }

  /// The key in a SubjectPublicKeyInfo. Shows no possession: only for a sender who is trusted to hold the private key.
  ///
  /// - Throws: `Fault(.invalid)` unless it is a point of P-256.
  package init(publicKeyInfo der: [UInt8]) throws {
    try Self.checkSize(der, what: "public key")
    guard let key = try? P256.Signing.PublicKey(derRepresentation: der) else {
      // The library's error says no more than that it did not parse.
      throw Self.invalid("public key", "it is not a P-256 SubjectPublicKeyInfo in DER")
    }
    self.init(key)
  }

  /// The leftmost 160 bits of the SHA-256 of the key (RFC 7093 §2, method 1).
  var identifier: [UInt8] { Array(SHA256.hash(data: key.x963Representation).prefix(20)) }

  package static func == (left: SubjectKey, right: SubjectKey) -> Bool { left.der == right.der }
  package func hash(into hasher: inout Hasher) { hasher.combine(der) }
  package var description: String { "P-256 key \(Hexadecimal.encode(identifier.prefix(8)))" }

  private static func checkSize(_ der: [UInt8], what: String) throws {
    guard der.count <= byteLimit else { throw invalid(what, "it has \(der.count) bytes, the limit is \(byteLimit)") }
  }

  private static func invalid(_ what: String, _ reason: String) -> Fault {
    Fault(.invalid, operation: "read a \(what)", reason: reason, remedy: "make a P-256 key and send its \(what) in DER")
  }
}
